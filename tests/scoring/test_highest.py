"""The places of a slide that score highest."""

import itertools

import numpy as np
import pytest

from pipeline.scoring.highest import Place, highest_places
from pipeline.scoring.slide_score import slide_score
from pipeline.scoring.views import Views

VIEWS, TILE = Views(768.0, 192, 64), 768  # a view has 256 px at level 0


def test_places_share_no_view_and_the_first_gives_the_slide_its_score() -> None:
    grid = np.random.default_rng(0).uniform(0, 1, (30, 40))
    grid[10:13, 20:23] = 5
    grid[20:23, 3:6] = 4
    grid[5, 5] = 30.0  # beside others of 0 to 1: a mean below 4
    places = highest_places(grid, VIEWS, TILE)
    middles = [(place.y + place.size / 2, place.x + place.size / 2) for place in places]
    assert middles[:2] == [(11.5 * 256, 21.5 * 256), (21.5 * 256, 4.5 * 256)]
    assert [place.score for place in places[:2]] == [5.0, 4.0]
    assert places[0].score == slide_score(grid)
    assert max(abs(middles[2][0] / 256 - 5.5), abs(middles[2][1] / 256 - 5.5)) < 2


def test_a_place_is_shown_at_the_models_scale() -> None:
    # A slide of half the µm/px: twice as many pixels of level 0.
    place = highest_places(np.ones((3, 3)), Views(1536.0, 192, 64), TILE)[0]
    assert place == Place(768 - 512, 768 - 512, 1024, 1.0)


def test_what_is_shown_of_small_windows_does_not_overlap() -> None:
    grid = np.random.default_rng(0).uniform(0, 1, (60, 60))
    grid[30:33, 30:39] = 5.0  # three windows side by side, of 96 px each
    places = highest_places(grid, Views(192.0, 48, 8), 192)
    corners = np.array([(place.x, place.y) for place in places])
    assert all(abs(one - other).max() >= 512 for one, other in itertools.combinations(corners, 2))


@pytest.mark.parametrize(("grid", "middles"), [([[np.nan, 7.0]], [1.5]), ([[1.0, np.nan, 5.0]], [1.5])])
def test_tissue_that_is_narrower_than_a_window_is_shown_in_the_middle(grid: list, middles: list[float]) -> None:
    places = highest_places(np.array(grid), VIEWS, TILE)
    assert [(place.x + place.size / 2) / 256 for place in places] == middles
    assert places[0].score == slide_score(np.array(grid))
