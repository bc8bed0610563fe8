"""The score of a slide by those of its views."""

import numpy as np
import pytest

from pipeline.scoring.slide_score import slide_score


def test_a_slide_scores_by_the_highest_mean_of_nine_neighbouring_views() -> None:
    grid = np.full((6, 9), np.nan)
    grid[:3, :3] = 1.0
    grid[:3, 6:9] = [[4, 4, 4], [0, 1, 0], [0, 0, 0]]
    grid[5, 4] = 100.0  # alone: a fold or dust, that no window of nine views holds
    assert slide_score(grid) == pytest.approx(13 / 9)
    assert slide_score(np.array([[1.0, np.nan, 5.0]])) == 3.0
    assert slide_score(np.array([[np.nan, 7.0]])) == 7.0
