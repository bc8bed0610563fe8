"""The images behind the numbers: the most and the least abnormal of a test split with their anomaly maps."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.detectors.base import Detector
from pipeline.images import Images
from pipeline.reporting.sheets import contact_sheet


def write_gallery(path: Path, title: str, detector: Detector, images: Images, scores: pd.DataFrame, shown: int) -> None:
    """Write a sheet of the highest and lowest scored test images, their anomaly maps below.

    All maps of the sheet have one scale, from 0 to the 99th percentile of what is shown.

    Args:
        path: The PNG to write.
        title: Stands above the sheet.
        detector: The fitted detector.
        images: The prepared arm.
        scores: The table of :func:`pipeline.evaluation.scores.score_table`.
        shown: Images per row.
    """
    test = scores[scores["split"] == "test"].sort_values(["score", "id"], ascending=[False, True])
    row_of = pd.Series(np.arange(len(images.index)), index=images.index["id"])
    chosen = {"highest scores": test.head(shown), "lowest scores": test.tail(shown).iloc[::-1]}
    pixels = {name: np.asarray(images.pixels[row_of[table["id"]].to_numpy()]) for name, table in chosen.items()}
    maps = {name: detector.anomaly_maps(pixels[name]) for name in chosen}
    top = float(np.percentile(np.concatenate(list(maps.values())), 99)) or 1.0
    rows: dict[str, list[np.ndarray]] = {}
    for name, table in chosen.items():
        rows[f"{name}: {table['label'].sum()} of {len(table)} are abnormal"] = _scored_part(pixels[name], maps[name])
        rows[f"anomaly maps of the {name}, dark 0 to bright {top:.2f}"] = [_heat(m, top) for m in maps[name]]
    contact_sheet(path, title, rows)


def _scored_part(pixels: np.ndarray, maps: np.ndarray) -> list[np.ndarray]:
    """Cut the middle of (n, H, W, C) that maps (n, h, w) belong to."""
    height, width = maps.shape[1:]
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return list(pixels[:, top : top + height, left : left + width])


def _heat(anomaly_map: np.ndarray, top: float) -> np.ndarray:
    """Colour a map: float (H, W) to RGB uint8 (H, W, 3)."""
    gray = np.clip(anomaly_map / top * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(gray, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB))
