"""Candidates of a slide from the scores of its views."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.camelyon.candidates import highest_apart, neighbour_means, read_candidates
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import Calibration
from pipeline.scoring.slide_files import write_heat_map, write_views
from pipeline.scoring.views import Views

VIEWS = Views(extent=320, working_size=80, side=32)  # two to a tile's side, with 8 px of rest about both
NOTHING = Calibration(np.empty(0))


def write_folder(folder: Path, grid: np.ndarray, views: Views = VIEWS) -> Path:
    """What scoring writes of a slide, as far as it is read."""
    write_views(folder / "views.csv", grid, views, NOTHING, 0.05)
    write_heat_map(folder / "heatmap.tiff", grid, views, 0.25)
    return folder


def test_a_view_is_averaged_with_the_neighbours_that_there_are() -> None:
    nan = np.nan
    grid = np.array([[1.0, 2.0, nan, 9.0], [3.0, 4.0, nan, nan], [nan, nan, nan, nan], [nan, 5.0, nan, nan]])
    means = neighbour_means(grid)
    quarter = (1 + 2 + 3 + 4) / 4
    assert means[:2, :2].tolist() == [[quarter, quarter], [quarter, quarter]]
    assert means[0, 3] == 9.0
    assert means[3, 1] == 5.0
    assert (np.isnan(means) == np.isnan(grid)).all()


def test_the_highest_is_taken_then_the_next_whose_window_does_not_touch() -> None:
    rows, columns = highest_apart(np.array([[1.0, 9.0, 8.0, 2.0, 7.0, 5.0, 6.0]]))
    # 8 at column 2 is one beside 9; 7 at column 4 is three beside it; 6 at column 6 is two beside 7
    assert (rows.tolist(), columns.tolist()) == ([0, 0], [1, 4])


def test_of_equal_views_the_first_is_taken_so_that_bytes_are_the_same() -> None:
    rows, columns = highest_apart(np.ones((4, 5)))
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [(0, 0), (0, 3), (3, 0), (3, 3)]


GRIDS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([np.nan, -1.0, 0.0, 0.5, 2.0])
)


@settings(deadline=None, max_examples=60)
@given(GRIDS)
def test_candidates_lie_apart_and_every_view_is_near_one_that_is_as_high(means: np.ndarray) -> None:
    chosen = np.stack(highest_apart(means), axis=1)
    values = means[tuple(chosen.T)]
    assert (np.diff(values) <= 0).all()
    apart = np.abs(chosen[:, None] - chosen[None]).max(axis=2)
    assert (apart[~np.eye(len(chosen), dtype=bool)] >= 3).all()
    for place in np.argwhere(np.isfinite(means)):
        near = np.abs(chosen - place).max(axis=1) <= 2
        assert values[near].max() >= means[tuple(place)]


def test_a_candidate_lies_in_the_middle_of_its_view_in_level_0_pixels(tmp_path: Path) -> None:
    grid = np.full((4, 6), np.nan)
    grid[2:4, 2:4] = [[1.0, 2.0], [3.0, 6.0]]  # one tile: the second of the second row
    grid[0:2, 4:6] = -1.0
    found = read_candidates(write_folder(tmp_path, grid))
    # a tile has 320 px of level 0, a view 32 / 80 of it, 128, after a rest of 8 / 80 of it, 32; all means are 12 / 4
    # but for the corner that meets the other tile: (12 - 1) / 5
    assert (found.x[0], found.y[0]) == (320 + 32 + 64, 320 + 32 + 64)
    assert found.scores[0] == 3.0
    # views of the other tile at two views' distance, whose mean is of its own four, and of them the first that is free
    assert found.scores.tolist() == [3.0, -1.0]
    assert (found.x[1], found.y[1]) == (640 + 32 + 128 + 64, 32 + 64)


def test_damaged_files_of_a_slide_are_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, np.arange(12.0).reshape(3, 4))
    write_heat_map(folder / "heatmap.tiff", np.arange(8.0).reshape(2, 4), VIEWS, 0.25)
    with pytest.raises(PipelineError, match=r"holds 12 views and a heat map of 8: score the slides again"):
        read_candidates(folder)
    (folder / "heatmap.tiff").write_bytes(b"no picture")
    with pytest.raises(PipelineError, match=r"heatmap\.tiff is damaged, it is no TIFF of scores: score"):
        read_candidates(folder)
    (folder / "heatmap.tiff").unlink()
    with pytest.raises(PipelineError, match=r"heatmap\.tiff is missing: score the slides again"):
        read_candidates(folder)
    (folder / "views.csv").write_text("x,y,size,score\n0,0,16,\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"views\.csv: row 1 has no number in 'score'"):
        read_candidates(folder)
