"""The places of a slide that score highest, each a window of the rule that gives the slide its score."""

import math
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.scores import DIGITS
from pipeline.scoring.slide_score import WINDOW, window_means
from pipeline.scoring.views import Views

MOST = 3
SIDE = 512  # px at the tiles' µm/px of what is shown of each


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


def highest_places(grid: np.ndarray, views: Views, tile_size: int) -> tuple[Place, ...]:
    """Choose windows, the highest first, whose score is the slide's.

    They share no view, and what is shown around the middle of each is shown of no other.

    Args:
        grid: float64 (rows, columns) of view scores, NaN where there is no view.
        views: Where they lie.
        tile_size: Side in pixels of a tile as it is read.
    """
    means = window_means(grid)
    size = SIDE * views.extent / tile_size
    apart = max(WINDOW, math.ceil(size / views.pitch))  # views
    places: list[Place] = []
    while len(places) < MOST and np.isfinite(means).any():
        row, column = np.unravel_index(np.nanargmax(means), means.shape)
        first = max(row - WINDOW + 1, 0), max(column - WINDOW + 1, 0)
        there = np.argwhere(np.isfinite(grid[first[0] : row + 1, first[1] : column + 1]))
        y, x = (there.mean(axis=0) + first + 0.5) * views.pitch - size / 2
        score = float(f"{means[row, column]:.{DIGITS}g}")
        places.append(Place(round(float(x)), round(float(y)), round(size), score))
        near = [slice(max(at - apart + 1, 0), at + apart) for at in (row, column)]
        means[near[0], near[1]] = np.nan
    return tuple(places)
