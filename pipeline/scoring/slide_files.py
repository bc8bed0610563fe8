"""The scores of a slide's views as a table and as a picture."""

from pathlib import Path

import numpy as np
from tifffile import TiffWriter

from pipeline.evaluation.calibration import Calibration
from pipeline.evaluation.scores import DIGITS
from pipeline.files import atomic
from pipeline.scoring.views import Views

HEAT_MAP = "heatmap.tiff"
BLOCK = 256  # side in pixels of the blocks of a TIFF


def write_heat_map(path: Path, grid: np.ndarray, views: Views, microns_per_pixel: float) -> None:
    """Write the scores as a picture of one pixel per view, float32 with its scale; NaN where there is no view.

    Args:
        path: The TIFF to write.
        grid: float64 (rows, columns).
        views: Where they lie.
        microns_per_pixel: Of level 0.
    """
    per_centimetre = 1e4 / (views.pitch * microns_per_pixel)
    with atomic(path) as partial, TiffWriter(partial) as tiff:
        tiff.write(
            grid.astype(np.float32),
            tile=(BLOCK, BLOCK),
            resolution=(per_centimetre, per_centimetre),
            resolutionunit="CENTIMETER",
            software="pipeline",
            metadata=None,
        )


def write_views(path: Path, grid: np.ndarray, views: Views, calibration: Calibration, alpha: float) -> None:
    """Write a table of all views, row by row of them.

    ``x`` and ``y`` are the upper left corner and ``size`` the side in level-0 pixels; ``percentile`` is empty without
    held-out normals, and ``flagged`` where there are too few of them for the level.

    Args:
        path: The CSV to write.
        grid: float64 (rows, columns), NaN where there is no view.
        views: Where they lie.
        calibration: Held-out normals' scores.
        alpha: The level.
    """
    (left, _), (top, _) = views.edges(grid.shape[1]), views.edges(grid.shape[0])
    can_flag, known = calibration.threshold(alpha) is not None, len(calibration.normals) > 0
    with atomic(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        file.write("x,y,size,score,percentile,flagged\n")
        for row, scores in enumerate(grid):
            there = np.flatnonzero(np.isfinite(scores))
            found = scores[there]
            percentiles = calibration.percentiles(found).round(DIGITS)
            flags = calibration.flagged(found, alpha)
            for column, score, percentile, flag in zip(there, found, percentiles, flags, strict=True):
                place = f"{left[column]},{top[row]},{views.size},{score}"
                file.write(f"{place},{percentile if known else ''},{flag if can_flag else ''}\n")
