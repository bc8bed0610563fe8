"""A slide with the scores of its views as colours."""

from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.calibration import Calibration
from pipeline.reporting.gallery import heat
from pipeline.scoring.views import Views

SIDE = 1500  # px at most


@dataclass(frozen=True)
class Colours:
    """The scale of all slides of a run.

    Attributes:
        dark: The score that is drawn darkest, and all below it.
        bright: The score that is drawn brightest, and all above it.
        meaning: Where they come from.
    """

    dark: float
    bright: float
    meaning: str


def colours_of(calibration: Calibration, alpha: float, known: str = "held-out") -> Colours | None:
    """Say which scores are drawn dark and bright, by normals and never by the slide itself.

    A scale of its own would show something bright on every slide.

    Args:
        calibration: Of the model.
        alpha: The level at which views are flagged.
        known: What the normals are: held-out or named.

    Returns:
        The scale; None where there are not two different normals to make one of.
    """
    normals, limit = calibration.normals, calibration.threshold(alpha)
    if not len(normals) or normals[0] == normals[-1]:
        return None
    what = "threshold"
    if limit is None or limit == normals[0]:
        limit, what = normals[-1], f"highest of the {known} normals' tiles"
    dark = float(normals[0])
    meaning = f"dark is the lowest of the {known} normals' tiles, half bright the {what}"
    return Colours(dark, 2 * float(limit) - dark, meaning)


def overlay(thumbnail: np.ndarray, pixel: float, grid: np.ndarray, views: Views, colours: Colours) -> np.ndarray:
    """Lay the scores of views over a slide, half transparent; what was not scored stays as it is.

    Args:
        thumbnail: uint8 RGB (h, w, 3) of the slide.
        pixel: Level-0 pixels to one of its pixels.
        grid: float64 (rows, columns), NaN where there is no view.
        views: Where they lie.
        colours: The scale.

    Returns:
        uint8 RGB (h, w, 3).
    """
    (rows, inside_rows), (columns, inside_columns) = (
        _views_below(side, pixel, count, views) for side, count in zip(thumbnail.shape[:2], grid.shape, strict=True)
    )
    scores = np.where(inside_rows[:, None] & inside_columns, grid[np.ix_(rows, columns)], np.nan)
    known = np.isfinite(scores)
    coloured = heat(np.where(known, scores - colours.dark, 0), colours.bright - colours.dark)
    mixed = (thumbnail.astype(np.uint16) + coloured + 1) // 2
    return np.where(known[..., None], mixed, thumbnail).astype(np.uint8)


def _views_below(side: int, pixel: float, count: int, views: Views) -> tuple[np.ndarray, np.ndarray]:
    """Return for each pixel along a side which view its middle is in, and whether it is in any."""
    begin, end = views.edges(count)
    places = (np.arange(side) + 0.5) * pixel
    found = (np.searchsorted(begin, places, side="right") - 1).clip(0)
    return found, (begin[found] <= places) & (places < end[found])
