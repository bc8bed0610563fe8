"""The places of a slide that score highest, each a window of the rule that gives the slide its score."""

from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.scores import DIGITS
from pipeline.scoring.slide_score import WINDOW, window_means
from pipeline.scoring.views import Views

MOST = 3
SIDE = 512  # px at most of a tile's µm/px


@dataclass(frozen=True)
class Place:
    """One of them.

    Attributes:
        x: Level-0 column of the upper left corner of what is shown of it.
        y: Level-0 row of the same.
        size: Side of what is shown in level-0 pixels.
        score: The mean of its views.
    """

    x: int
    y: int
    size: int
    score: float


def shown_side(views: Views, tile_size: int) -> int:
    """Return how many pixels of the tiles' µm/px are shown of a place, its middle if it is larger.

    Args:
        views: Where views lie.
        tile_size: Side in pixels of a tile as it is read.
    """
    return min(SIDE, round(WINDOW * tile_size / views.per_tile))


def highest_places(grid: np.ndarray, views: Views, tile_size: int) -> tuple[Place, ...]:
    """Choose windows that share no view, the highest first, whose score is the slide's.

    Args:
        grid: float64 (rows, columns) of view scores, NaN where there is no view.
        views: Where they lie.
        tile_size: Side in pixels of a tile as it is read.
    """
    means = window_means(grid)
    size = shown_side(views, tile_size) * views.extent / tile_size
    places: list[Place] = []
    while len(places) < MOST and np.isfinite(means).any():
        row, column = np.unravel_index(np.nanargmax(means), means.shape)
        first = max(row - WINDOW + 1, 0), max(column - WINDOW + 1, 0)
        there = np.argwhere(np.isfinite(grid[first[0] : row + 1, first[1] : column + 1]))
        y, x = (there.mean(axis=0) + first + 0.5) * views.pitch - size / 2
        score = float(f"{means[row, column]:.{DIGITS}g}")
        places.append(Place(round(float(x)), round(float(y)), round(size), score))
        near = [slice(max(at - WINDOW + 1, 0), at + WINDOW) for at in (row, column)]
        means[near[0], near[1]] = np.nan
    return tuple(places)
