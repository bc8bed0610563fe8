"""The images behind the numbers: the most and least abnormal, the false alarms and the misses, with anomaly maps."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.data.images import Images
from pipeline.detectors.base import Detector
from pipeline.reporting.sheets import contact_sheet

NOTE = 22  # letters that fit below an image


def chosen_images(test: pd.DataFrame, threshold: float | None, shown: int) -> dict[str, pd.DataFrame]:
    """Choose what a gallery shows.

    Args:
        test: Scores of the test split, with ``id``, ``label`` and ``score``.
        threshold: Images above it are called abnormal; None where there is none.
        shown: Images per row at most.

    Returns:
        Caption to rows of ``test``, the most telling first; a row that stays empty says why.
    """
    falling = test.sort_values(["score", "id"], ascending=[False, True])
    highest, lowest = falling.head(shown), falling.tail(shown).iloc[::-1]
    chosen = {
        f"highest scores: {highest['label'].sum()} of {len(highest)} are abnormal": highest,
        f"lowest scores: {lowest['label'].sum()} of {len(lowest)} are abnormal": lowest,
    }
    if threshold is None:
        return chosen | {"false alarms and misses: n/a, since no normals are held out to set a threshold": test[:0]}
    alarms = falling[(falling["label"] == 0) & (falling["score"] > threshold)]
    misses = falling[(falling["label"] == 1) & (falling["score"] <= threshold)].iloc[::-1]
    normal, abnormal = (int((test["label"] == label).sum()) for label in (0, 1))
    return chosen | {
        f"false alarms: {_count(len(alarms))} of {normal} normal images, highest first": alarms.head(shown),
        f"misses: {_count(len(misses))} of {abnormal} abnormal images, lowest first": misses.head(shown),
    }


def write_gallery(
    path: Path, title: str, detector: Detector, images: Images, chosen: dict[str, pd.DataFrame], top: float | None
) -> None:
    """Write a sheet of images, each with its score and findings, and below them their anomaly maps, if there are any.

    Args:
        path: The PNG to write.
        title: Stands above the sheet.
        detector: The fitted detector.
        images: The prepared arm.
        chosen: Of :func:`chosen_images`.
        top: The value of the maps that is drawn brightest, the same for all pictures of detector and arm; None takes
            the highest that is shown.
    """
    row_of = pd.Series(np.arange(len(images.index)), index=images.index["id"])
    pixels = {caption: np.asarray(images.pixels[row_of[table["id"]].to_numpy()]) for caption, table in chosen.items()}
    maps = {caption: detector.anomaly_maps(shown) if len(shown) else None for caption, shown in pixels.items()}
    top = top or max((float(drawn.max()) for drawn in maps.values() if drawn is not None), default=0.0) or 1.0
    rows: dict[str, Sequence[np.ndarray]] = {}
    notes: dict[str, list[str]] = {}
    for caption, table in chosen.items():
        drawn = maps[caption]
        rows[caption] = list(pixels[caption]) if drawn is None else _scored_part(pixels[caption], drawn)
        if len(table):
            facts = zip(table["score"], table["label"], table["findings"], strict=True)
            notes[caption] = [_note(score, label, findings) for score, label, findings in facts]
        if drawn is not None:
            beyond = f"{(drawn > top).mean():.1%} of the pixels are beyond"
            name = caption.partition(":")[0]
            rows[f"anomaly maps of the {name}, dark 0 to bright {top:.3g}; {beyond}"] = [heat(m, top) for m in drawn]
    contact_sheet(path, title, rows, notes=notes)


def _count(number: int) -> str:
    return str(number or "none")


def _note(score: float, label: int, findings: str) -> str:
    text = f"{score:.3g} {findings or ('abnormal' if label else 'normal')}"
    return text if len(text) <= NOTE else f"{text[: NOTE - 1]}…"


def _scored_part(pixels: np.ndarray, maps: np.ndarray) -> list[np.ndarray]:
    """Cut the middle of (n, H, W, C) that maps (n, h, w) belong to."""
    height, width = maps.shape[1:]
    top, left = (pixels.shape[1] - height) // 2, (pixels.shape[2] - width) // 2
    return list(pixels[:, top : top + height, left : left + width])


def heat(anomaly_map: np.ndarray, top: float) -> np.ndarray:
    """Colour a map: float (H, W) to RGB uint8 (H, W, 3)."""
    gray = np.clip(anomaly_map / top * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(gray, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB))
