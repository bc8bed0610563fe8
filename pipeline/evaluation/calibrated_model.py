"""A model's file with what its scores mean, by which new images can be scored without any other file."""

from pathlib import Path
from sys import intern

import numpy as np
import pandas as pd
import torch

from pipeline.compute.tensor_files import read_tensors, write_tensors
from pipeline.data.images import Images
from pipeline.detectors.base import Detector
from pipeline.evaluation.appearance import Appearance
from pipeline.evaluation.calibration import calibration_of
from pipeline.evaluation.scores import SCORE

MAP_QUANTILE = 0.999  # of the pixels of held-out normals' maps, which is drawn half as bright as the brightest
MAPS = 64  # of so many images


def write_calibrated(
    path: Path,
    model: Path,
    name: str,
    detector: Detector,
    images: Images,
    table: pd.DataFrame,
    appearance: Appearance,
) -> None:
    """Add to a model which detector it is, how its images look, and how held-out normals score.

    Args:
        path: The file to write.
        model: What the detector's ``save`` wrote.
        name: The detector's.
        detector: The fitted detector.
        images: The prepared arm that it was fitted to.
        table: The scores of the arm, see :func:`pipeline.evaluation.scores.score_table`.
        appearance: Of the arm's images, the same for all detectors and seeds.
    """
    normal = table[(table["split"] == "val") & (table["label"] == 0)]
    held_out = images.rows("val", label=0)
    content = {
        "detector": intern(name),
        "normals": torch.from_numpy(calibration_of(normal[SCORE].to_numpy(), normal["id"], normal["group"]).drawn),
        "appearance_mean": appearance.spread.mean,
        "appearance_precision": appearance.spread.precision,
        "appearance_normals": torch.from_numpy(appearance.distances.drawn),
        "map_top": _map_top(detector, images, held_out),
    }
    write_tensors(path, {**read_tensors(model), **content})


def _map_top(detector: Detector, images: Images, held_out: np.ndarray) -> float | None:
    """Twice what nearly all of the maps of held-out normals stay below; None without maps."""
    maps = detector.anomaly_maps(np.asarray(images.pixels[held_out[:MAPS]])) if len(held_out) else None
    return None if maps is None else float(f"{2 * np.quantile(maps, MAP_QUANTILE):.3g}") or 1.0
