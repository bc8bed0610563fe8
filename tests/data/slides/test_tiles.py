import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.data.slides.tiles import COLUMNS, candidates, draw_tiles, lesion_shares, read_tiles, tissue_shares
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides


@pytest.fixture
def settings():
    return shipped_slides("camelyon16").sample_tiles


def test_a_tile_is_a_candidate_only_if_all_nine_mask_pixels_are_tissue(settings):
    mask = np.zeros((10, 12), bool)
    mask[3:9, 6:12] = True
    mask[4, 7] = False
    tiles = candidates(mask, 3, 256.0, settings.least_tissue)
    # x is the column: mask columns 6 and 9 are level-0 columns 1536 and 2304
    assert tiles[["x", "y"]].to_numpy().tolist() == [[2304, 768], [1536, 1536], [2304, 1536]]
    assert (tiles["tissue"] == 1).all()


def test_less_tissue_can_be_allowed(settings):
    mask = np.ones((3, 3), bool)
    mask[0, 0] = False
    assert len(candidates(mask, 3, 256.0, 8 / 9)) == 1
    assert len(candidates(mask, 3, 256.0, 0.9)) == 0


@given(arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))), st.integers(1, 4))
def test_the_share_of_tissue_is_that_of_the_tiles_own_pixels(mask, side):
    shares = tissue_shares(mask, side)
    assert shares.shape == (mask.shape[0] // side, mask.shape[1] // side)
    for row, column in np.ndindex(shares.shape):
        block = mask[row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert shares[row, column] == pytest.approx(block.mean())


def test_the_share_of_lesion_is_an_area():
    tiles = pd.DataFrame({"x": [0, 100, 200, 0], "y": [0, 0, 0, 100]})
    lesion = shapely.MultiPolygon([shapely.box(0, 0, 150, 100)])
    assert lesion_shares(tiles, 100, lesion).tolist() == [1.0, 0.5, 0.0, 0.0]


def test_a_normal_island_in_a_lesion_lowers_the_share():
    tiles = pd.DataFrame({"x": [0], "y": [0]})
    island = shapely.Polygon(shapely.box(-10, -10, 110, 110).exterior, [shapely.box(40, 40, 50, 50).exterior.coords])
    assert lesion_shares(tiles, 100, shapely.MultiPolygon([island])).tolist() == [pytest.approx(0.99)]


def grid(count: int) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(count) * 768, "y": 0, "tissue": 1.0})


def test_at_most_the_set_number_is_drawn_without_repeats_in_grid_order(settings):
    drawn = draw_tiles(grid(200), "normal_001", settings)
    assert len(drawn) == settings.tiles_per_slide
    assert drawn["x"].is_monotonic_increasing
    assert drawn["x"].is_unique
    assert draw_tiles(grid(7), "normal_001", settings).equals(grid(7))
    assert len(draw_tiles(grid(0), "normal_001", settings)) == 0


@given(st.integers(0, 200), st.integers(1, 60), st.text(min_size=1, max_size=8), st.integers(0, 9))
def test_a_draw_is_a_part_of_the_candidates_of_the_right_size(count, most, name, seed):
    tiles = grid(count)
    drawn = draw_tiles(tiles, name, FixedDraw(most, seed))
    assert len(drawn) == min(count, most)
    assert drawn["x"].is_monotonic_increasing
    assert set(drawn["x"]) <= set(tiles["x"])
    assert drawn["x"].is_unique


class FixedDraw:
    def __init__(self, tiles_per_slide: int, seed: int) -> None:
        self.tiles_per_slide, self.seed = tiles_per_slide, seed


def test_the_draw_depends_on_seed_and_slide_only(settings):
    first = draw_tiles(grid(200), "normal_001", settings)
    assert first.equals(draw_tiles(grid(200), "normal_001", settings))
    assert not first.equals(draw_tiles(grid(200), "normal_002", settings))
    assert not first.equals(draw_tiles(grid(200), "normal_001", settings.model_copy(update={"seed": 1})))


def test_the_draw_is_uniform(settings):
    settings = settings.model_copy(update={"tiles_per_slide": 5})
    drawn = [draw_tiles(grid(20), f"slide {i}", settings)["x"] // 768 for i in range(400)]
    counts = np.bincount(np.concatenate(drawn), minlength=20)
    # binomial with n = 400, p = 1/4: mean 100, standard deviation 8.7
    assert 60 < counts.min() <= counts.max() < 140


ROW = "a,a.tif,train,a,0,512,0,0.5,1.0,0.0"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("512", "low"), r"tiles\.csv: row 2 has no number in 'y'"),
        (ROW.replace("512,", ""), r"tiles\.csv: row 2 does not have 10 values"),
        ("\xff", r"tiles\.csv is damaged, it is no text"),
    ],
)
def test_a_damaged_table_is_named_with_what_to_run(tmp_path, row, message):
    (tmp_path / "tiles.csv").write_text("\n".join([",".join(COLUMNS), ROW, row]), encoding="latin-1")
    with pytest.raises(PipelineError, match=f"{message}: run `dvc repro` for the stage that writes it"):
        read_tiles(tmp_path / "tiles.csv")
