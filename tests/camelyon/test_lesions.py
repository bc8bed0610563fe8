"""Lesions that count, by the organisers' mask."""

import os
from pathlib import Path

import numpy as np
import pytest
import shapely
from scipy import ndimage
from skimage.measure import label, regionprops

from pipeline.camelyon.lesions import Lesions, lesions_of
from pipeline.data.slides.annotations import read_lesions
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides

MICRON = 1 / 0.243  # level-0 pixels
FILE = Path("testing/lesion_annotations/test_001.xml")


def lesions(*shapes: shapely.Polygon) -> Lesions:
    return lesions_of(shapely.MultiPolygon(shapes), FILE)


def disc(diameter: float, x: float = 2000, y: float = 2000) -> shapely.Polygon:
    """A disc of a diameter in µm, about a place in µm."""
    return shapely.Point(x * MICRON, y * MICRON).buffer(diameter / 2 * MICRON, quad_segs=64)


def test_regions_below_200_microns_are_isolated_tumour_cells() -> None:
    # Outlines are widened by 37.5 µm on each side: discs of 190 and 212 µm become 265 and 287 µm long. Pixels of
    # 7.8 µm leave an uncertainty below one of them.
    assert lesions(disc(190)).isolated.tolist() == [True]
    assert lesions(disc(212)).isolated.tolist() == [False]


def test_the_longest_diameter_decides_not_the_area() -> None:
    thin = shapely.box(2000 * MICRON, 2000 * MICRON, 2220 * MICRON, 2010 * MICRON)
    assert thin.area < disc(150).area
    assert lesions(thin).isolated.tolist() == [False]
    assert lesions(disc(150)).isolated.tolist() == [True]


def test_outlines_that_meet_once_they_are_widened_are_one_lesion() -> None:
    # the gaps between discs of 300 µm: 60 and 100 µm, of which widening fills 75
    assert len(lesions(disc(300), disc(300, x=2360)).isolated) == 1
    assert len(lesions(disc(300), disc(300, x=2400)).isolated) == 2


def test_a_candidate_near_an_outline_or_in_a_normal_island_is_in_the_lesion() -> None:
    ring = disc(800).difference(disc(400))
    found = lesions(ring)
    places = np.array([2000, 2000 + 300, 2000 + 400 + 30, 2000 + 400 + 50, 9000, 0]) * MICRON
    middle = np.full(6, int(2000 * MICRON))
    assert found.at(places.astype(int), middle).tolist() == [1, 1, 1, 0, 0, 0]
    assert found.at(middle, places.astype(int)).tolist() == [1, 1, 1, 0, 0, 0]


def test_an_outline_smaller_than_a_pixel_of_the_mask_is_a_lesion_of_isolated_cells() -> None:
    speck = shapely.Point(2000, 2000).buffer(3)
    assert lesions(speck, disc(300)).isolated.tolist() == [True, False]
    assert lesions(speck).isolated.tolist() == [True]


def by_distances(area: shapely.Geometry, high: int, wide: int) -> np.ndarray:
    """The organisers' mask of a whole slide, by distances as they have it: labels (high, wide) of level-5 pixels."""
    rows, columns = np.indices((high, wide))
    tumour = shapely.contains_xy(area, (columns + 0.5) * 32, (rows + 0.5) * 32)
    near = ndimage.distance_transform_edt(~tumour) < 75 / (0.243 * 2**5 * 2)
    return np.asarray(label(ndimage.binary_fill_holes(near), connectivity=2))


def test_the_mask_is_that_of_the_organisers() -> None:
    draws = np.random.default_rng(0)
    spots = [
        shapely.Point(*draws.uniform(1000, 15000, 2)).buffer(draws.uniform(20, 900), quad_segs=3) for _ in range(25)
    ]
    area = shapely.union_all(spots).difference(shapely.Point(8000, 8000).buffer(700))
    assert_like_theirs(shapely.MultiPolygon(list(shapely.get_parts(area))), 520, 520)


@pytest.mark.skipif("PIPELINE_REAL_DATA" not in os.environ, reason="needs PIPELINE_REAL_DATA")
@pytest.mark.parametrize("name", ["tumor_107", "tumor_073"])
def test_the_mask_of_real_outlines_is_that_of_the_organisers(name: str) -> None:
    path = Path(os.environ["PIPELINE_REAL_DATA"]) / f"annotations/{name}.xml"
    area = read_lesions(path, shipped_slides("camelyon16").sample_tiles, "camelyon16").area
    right, bottom = np.ceil(np.array(area.bounds[2:]) / 32).astype(int) + 20
    assert_like_theirs(area, int(bottom), int(right))


def assert_like_theirs(area: shapely.MultiPolygon, high: int, wide: int) -> None:
    theirs, found = by_distances(area, high, wide), lesions_of(area, FILE)
    rows, columns = np.indices((high, wide))
    ours = found.at((columns * 32 + 5).ravel(), (rows * 32 + 31).ravel()).reshape(high, wide)
    assert theirs.max() == len(found.isolated) > 0
    assert (ours == theirs).all()
    lengths = [region.axis_major_length for region in regionprops(theirs)]
    assert found.isolated.tolist() == [length < 275 / (0.243 * 2**5) for length in lengths]


def test_outlines_farther_apart_than_on_any_slide_are_refused_before_memory_is_taken() -> None:
    with pytest.raises(PipelineError, match=r"test_001\.xml has outlines farther apart than on any slide"):
        lesions(disc(300), shapely.box(9e8, 9e8, 9.1e8, 9.1e8))
