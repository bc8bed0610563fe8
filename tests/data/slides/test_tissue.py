import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from pipeline.data.slides.settings import Border, TissueMasks, Warn
from pipeline.data.slides.tissue import (
    NoTissueError,
    clear_border,
    drop_small,
    find_tissue,
    open_mask,
    tissue_threshold,
)
from tests.shipped import shipped_slides

NO_BORDER = Border(top=0, bottom=0, left=0, right=0)
SETTINGS = TissueMasks(
    microns_per_pixel=64.0,
    tall_mask=700,
    tall_border=NO_BORDER,
    border=NO_BORDER,
    opening=3,
    smallest_hole=4,
    smallest_object=30,
    warn=Warn(little_tissue=0.01, pen=0.01, black=0.02, blur=0.6),
)
masks = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))


def slide(tissue: np.ndarray, colour=(180, 80, 160), glass=(240, 238, 242)) -> np.ndarray:
    return np.where(tissue[..., None], np.array(colour, np.uint8), np.array(glass, np.uint8))


def test_tissue_is_what_is_darker_than_glass():
    tissue = np.zeros((40, 50), bool)
    tissue[10:30, 5:40] = True
    found = find_tissue(slide(tissue), SETTINGS)
    assert np.array_equal(found.mask, tissue)
    assert 110 <= found.threshold < 240


def test_threads_and_specks_go_small_holes_are_filled_large_ones_stay():
    tissue = np.zeros((60, 60), bool)
    tissue[10:40, 10:40] = True
    clean = tissue.copy()
    clean[25:30, 25:30] = False
    dirty = clean.copy()
    dirty[15, 15] = False
    dirty[50, :] = True
    dirty[45:49, 2:6] = True
    found = find_tissue(slide(dirty), SETTINGS.model_copy(update={"opening": 0, "smallest_object": 61}))
    assert np.array_equal(found.mask, clean)
    opened = find_tissue(slide(dirty), SETTINGS)
    assert not opened.mask[44:].any()


@pytest.mark.parametrize(
    ("thumbnail", "reason"),
    [
        (np.full((30, 30, 3), 240, np.uint8), "uniform"),
        (np.zeros((30, 30, 3), np.uint8), "uniform"),
        (slide(np.eye(30, dtype=bool), (0, 0, 0), (40, 40, 40)), "background is black"),
        (slide(np.eye(30, dtype=bool), (243, 243, 243), (246, 246, 246)), "differ by only 3"),
        (slide(np.eye(30, dtype=bool)), "no tissue is left"),
    ],
)
def test_a_slide_on_which_otsu_makes_no_sense_is_refused_with_a_reason(thumbnail, reason):
    with pytest.raises(NoTissueError, match=reason):
        find_tissue(thumbnail, SETTINGS)


def test_the_threshold_parts_the_two_classes():
    gray = np.array([[50] * 5 + [200] * 5], np.uint8)
    assert 50 <= tissue_threshold(gray) < 200


def test_tall_masks_have_margins_of_their_own():
    settings = shipped_slides("camelyon16").tissue_masks
    tall = clear_border(np.ones((701, 300), bool), settings)
    assert tall[100:601, 50:].all()
    assert tall.sum() == 501 * 250
    low = clear_border(np.ones((700, 300), bool), settings)
    assert low[30:670, 30:270].all()
    assert low.sum() == 640 * 240
    assert not clear_border(np.ones((50, 50), bool), settings).any()


@given(masks)
def test_opening_removes_only_and_twice_is_once(mask):
    opened = open_mask(mask, 3)
    assert not (opened & ~mask).any()
    assert np.array_equal(open_mask(opened, 3), opened)


@given(masks, st.integers(0, 20))
def test_parts_are_dropped_by_their_area(mask, smallest):
    labels, count = ndimage.label(mask)
    large = [i for i in range(1, count + 1) if (labels == i).sum() >= smallest]
    assert np.array_equal(drop_small(mask, smallest), np.isin(labels, large))
