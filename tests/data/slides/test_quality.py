import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.data.slides.quality import black_share, blurredness, pen_share, warnings
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.settings import Warn
from tests.shipped import shipped_slides

REAL = Path(os.environ.get("PIPELINE_REAL_DATA", "absent"))
WARN = Warn(little_tissue=0.01, pen=0.01, black=0.02, blur=0.6)
INKS = {
    "blue": (20, 60, 160),
    "light blue": (90, 110, 180),
    "green": (20, 120, 60),
    "black": (30, 30, 30),
    "red": (200, 30, 40),
}


@pytest.mark.parametrize("ink", INKS)
def test_a_pen_stroke_is_told_from_stained_tissue(tile, ink):
    marked = cv2.line(tile.copy(), (0, 0), (383, 383), INKS[ink], 12)
    stroke = (marked != tile).any(axis=2)
    assert pen_share(marked, stroke) > 0.9
    assert pen_share(tile, np.ones(tile.shape[:2], bool)) < 0.001


@pytest.mark.skipif(not REAL.is_dir(), reason="PIPELINE_REAL_DATA names no folder")
def test_of_the_real_tiles_only_the_one_with_a_pen_mark_is_noticed():
    shares = {}
    for file in sorted((REAL / "tiles").iterdir()):
        image = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
        small = cv2.resize(image, None, fx=1 / 32, fy=1 / 32, interpolation=cv2.INTER_AREA)
        tissue = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY) < 225
        if tissue.any():
            shares[file.stem] = pen_share(small, tissue)
    assert len(shares) >= 8
    assert [name for name, share in shares.items() if share >= WARN.pen] == [
        "histolab_high-nuclei-score-red-pen-level1"
    ]


def test_black_is_counted_over_the_whole_slide():
    thumbnail = np.full((10, 10, 3), 240, np.uint8)
    thumbnail[:2, :5] = (5, 10, 29)
    thumbnail[9, 9] = (5, 10, 31)
    assert black_share(thumbnail) == 0.1


def test_a_blurred_slide_scores_higher_than_a_sharp_one(tile, write_slide):
    mask = np.ones((6, 6), bool)
    scores = {}
    for sigma in (0, 3):
        image = cv2.GaussianBlur(tile, (0, 0), sigma) if sigma else tile
        path = write_slide(image, f"blur_{sigma}.tif", factors=())
        with Slide(path, shipped_slides("demo_slides").collection, "demo_slides") as slide:
            scores[sigma] = blurredness(slide, mask, 64.0, "slide", 0)
            assert blurredness(slide, mask, 64.0, "slide", 0) == scores[sigma]
    assert scores[0] < WARN.blur < scores[3]


@pytest.mark.skipif(not REAL.is_dir(), reason="PIPELINE_REAL_DATA names no folder")
def test_a_real_slide_is_sharp():
    settings = shipped_slides("camelyon16").collection.model_copy(update={"microns_per_pixel": 0.5})
    with Slide(REAL / "slides" / "CMU-1-Small-Region.svs", settings, "camelyon16") as slide:
        assert blurredness(slide, np.ones((10, 10), bool), 128.0, "CMU-1", 0) < 0.5


def test_warnings_say_what_and_how_much():
    assert warnings(tissue=0.5, pen=0.0, black=0.0, blur=0.3, assumed_scale=False, warn=WARN) == ""
    assert warnings(tissue=0.002, pen=0.05, black=0.5, blur=0.7, assumed_scale=True, warn=WARN) == (
        "hardly any tissue (0.20%); pen on 5.0% of the tissue; 50% of the slide is black; blurred (0.70); scale assumed"
    )
