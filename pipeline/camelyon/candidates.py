"""Where a slide may hold a lesion, by the scores of its views alone, by a rule that was fixed before any was judged."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from tifffile import TiffFileError, imread

from pipeline.errors import PipelineError
from pipeline.files import read_csv
from pipeline.scoring.slide_score import WINDOW

AGAIN = "score the slides again, into another folder"
RULE = (
    f"a candidate is a view that has the highest mean of itself and its neighbours ({WINDOW}×{WINDOW} views), and then "
    "the highest that shares no neighbour with it, and so on: non-maximum suppression, without a threshold; it lies "
    "in the middle of the view, and its confidence is that mean"
)


@dataclass(frozen=True)
class Candidates:
    """Candidates of a slide, the most abnormal first.

    Attributes:
        x: Columns in level-0 pixels, int64 (n,).
        y: Rows in level-0 pixels, int64 (n,).
        scores: float64 (n,), higher is more abnormal.
    """

    x: np.ndarray
    y: np.ndarray
    scores: np.ndarray


def read_candidates(folder: Path) -> Candidates:
    """Find the candidates of a slide that ``python -m pipeline score`` has scored.

    Args:
        folder: The slide's, with ``views.csv`` (the views) and ``heatmap.tiff`` (which are neighbours).

    Raises:
        PipelineError: If one is missing or damaged, or they are not of the same views.
    """
    views = read_csv(folder / "views.csv", ("x", "y", "size", "score"), (), AGAIN)
    there = _places(folder / "heatmap.tiff")
    if there.sum() != len(views):
        raise PipelineError(f"{folder} holds {len(views)} views and a heat map of {there.sum()}: {AGAIN}")
    scores = np.full(there.shape, np.nan)
    scores[there] = views["score"]
    number = np.zeros(there.shape, np.int64)
    number[there] = np.arange(len(views))
    means = neighbour_means(scores)
    chosen = highest_apart(means)
    rows = views.iloc[number[chosen]]
    x, y = ((rows[corner] + rows["size"] // 2).to_numpy(np.int64) for corner in ("x", "y"))
    return Candidates(x, y, means[chosen])


def neighbour_means(scores: np.ndarray) -> np.ndarray:
    """Average each view with those of its eight neighbours that there are.

    Args:
        scores: float64 (rows, columns), NaN where there is no view.

    Returns:
        float64 (rows, columns), NaN at the same places.
    """
    there, window = np.isfinite(scores), np.ones((WINDOW, WINDOW))
    sums, counts = (
        ndimage.convolve(values, window, mode="constant") for values in (np.where(there, scores, 0.0), there * 1.0)
    )
    return np.where(there, sums / np.maximum(counts, 1), np.nan)


def highest_apart(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose the highest view, then the highest of those whose windows do not touch its window, and so on.

    Args:
        means: float64 (rows, columns), NaN where there is no view. Of equal ones the first, row by row, is taken.

    Returns:
        Rows and columns of the chosen ones, int64 (n,) each, the highest first.
    """
    free, chosen = np.isfinite(means), []
    order = np.argsort(-means, axis=None, kind="stable")[: free.sum()]  # NaN is last
    for row, column in zip(*(places.tolist() for places in np.unravel_index(order, means.shape)), strict=True):
        if free[row, column]:
            chosen.append((row, column))
            free[max(0, row - WINDOW + 1) : row + WINDOW, max(0, column - WINDOW + 1) : column + WINDOW] = False
    rows, columns = np.array(chosen, np.int64).reshape(-1, 2).T
    return rows, columns


def _places(path: Path) -> np.ndarray:
    """Where there are views: bool (rows, columns)."""
    if not path.is_file():
        raise PipelineError(f"{path} is missing: {AGAIN}")
    try:
        picture = imread(path)
    except (TiffFileError, ValueError, OSError) as error:
        raise PipelineError(f"{path} is damaged, it is no TIFF of scores: {AGAIN}") from error
    if picture.ndim != 2:
        raise PipelineError(f"{path} is no picture of one pixel per view: {AGAIN}")
    return np.asarray(np.isfinite(picture))
