import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from openslide import OpenSlide

from pipeline.data.slides.reading import Slide
from pipeline.errors import PipelineError
from tests.data.dicoms import slide_level
from tests.shipped import shipped_slides

REAL = Path(os.environ.get("PIPELINE_REAL_DATA", "absent")) / "slides" / "CMU-1-Small-Region.svs"


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (1024, 1280, 3), dtype=np.uint8)


@pytest.fixture
def settings():
    return shipped_slides("demo_slides").collection


def block_mean(image: np.ndarray, side: int) -> np.ndarray:
    rows, columns = image.shape[0] // side, image.shape[1] // side
    return image[: rows * side, : columns * side].reshape(rows, side, columns, side, 3).mean((1, 3))


def test_a_tile_at_the_slides_own_scale_is_read_pixel_for_pixel(write_slide, image, settings):
    with Slide(write_slide(image), settings, "demo_slides") as slide:
        assert slide.size == (1280, 1024)
        assert np.array_equal(slide.read(300, 200, 256), image[200:456, 300:556])


def test_a_slide_in_dicom_is_opened_by_any_file_of_its_series(tmp_path, image, settings):
    small = block_mean(image, 2).round().astype(np.uint8)[:512, :512]
    for name, level, microns in (("a.dcm", image[:, :1024], 0.25), ("b.dcm", small, 0.5)):
        (tmp_path / name).write_bytes(slide_level(level, microns))
    for name in ("a.dcm", "b.dcm"):
        with Slide(tmp_path / name, settings, "demo_slides") as slide:
            assert slide.size == (1024, 1024)
            assert np.array_equal(slide.read(300, 200, 256), image[200:456, 300:556])
        with Slide(tmp_path / name, settings.model_copy(update={"microns_per_pixel": 0.5}), "x") as slide:
            assert np.array_equal(slide.read(0, 0, 256), small[:256, :256])


def test_a_scale_within_the_tolerance_counts_as_exact(write_slide, image, settings):
    with Slide(write_slide(image, microns=0.243), settings, "demo_slides") as slide:
        assert slide.pixels_per_tile_pixel == 1
        assert np.array_equal(slide.read(0, 0, 256), image[:256, :256])
        assert slide.thumbnail(64.0).shape == (4, 5, 3)


def test_a_finer_slide_is_averaged_down(write_slide, image, settings):
    with Slide(write_slide(image, factors=()), settings.model_copy(update={"microns_per_pixel": 0.5}), "x") as slide:
        tile = slide.read(256, 128, 100)
    expected = block_mean(image[128:328, 256:456], 2)
    assert np.abs(tile - expected).max() <= 1


def test_a_matching_lower_level_is_read_without_resampling(write_slide, image, settings):
    path = write_slide(image, factors=(4,))
    with Slide(path, settings.model_copy(update={"microns_per_pixel": 1.0}), "x") as slide:
        tile = slide.read(400, 80, 64)
    stored = np.asarray(OpenSlide(path).read_region((400, 80), 1, (64, 64)))[..., :3]
    assert np.array_equal(tile, stored)


def test_a_coarser_slide_is_refused_with_the_key_to_change(write_slide, image, settings):
    with pytest.raises(PipelineError, match=r"0\.5 µm/px.*arms/demo_slides\.yaml:collection\.microns_per_pixel"):
        Slide(write_slide(image, microns=0.5), settings, "demo_slides")


def test_a_coarser_slide_is_enlarged_if_that_is_allowed(write_slide, image, settings):
    path = write_slide(image, microns=0.5)
    with Slide(path, settings.model_copy(update={"upsampling": True}), "demo_slides") as slide:
        assert (slide.pixels_per_tile_pixel, slide.tile_level) == (0.5, 0)
        tile = slide.read(300, 200, 256)
        thumbnail = slide.thumbnail(64.0)
    assert np.array_equal(tile, cv2.resize(image[200:328, 300:428], (256, 256), interpolation=cv2.INTER_CUBIC))
    assert np.abs(thumbnail - block_mean(image, 128)).max() <= 2


def test_impossible_sizes_are_refused(write_slide, image, settings, monkeypatch):
    path = write_slide(image)
    monkeypatch.setattr("pipeline.data.slides.reading.LARGEST_THUMBNAIL", 20)
    with Slide(path, settings, "x") as slide, pytest.raises(PipelineError, match="its mask would have 20×16 px"):
        slide.thumbnail(16.0)
    monkeypatch.setattr("pipeline.data.slides.reading.LARGEST_SIDE", 1000)
    with pytest.raises(PipelineError, match=r"slide\.tif claims 1280×1024 px"):
        Slide(path, settings, "x")


def test_a_slide_without_scale_needs_an_assumed_one(write_slide, image, settings):
    path = write_slide(image, microns=None)
    with pytest.raises(PipelineError, match=r"slide\.tif.*demo_slides\.yaml:collection\.assumed_microns_per_pixel"):
        Slide(path, settings, "demo_slides")
    with Slide(path, settings.model_copy(update={"assumed_microns_per_pixel": 0.25}), "x") as slide:
        assert slide.microns_per_pixel == 0.25


@pytest.mark.parametrize("stated", [(0.25, 0.5), (0.001, 0.001), (500, 500)])
def test_a_scale_that_no_scanner_has_is_refused(write_slide, image, settings, stated):
    path = write_slide(image, microns=stated)
    with pytest.raises(PipelineError, match=r"slide\.tif states .* µm/px, which no scanner has"):
        Slide(path, settings, "x")


def test_tiles_of_a_grid_do_not_overlap_at_any_scale(write_slide, image, settings):
    """0.219 µm/px: a tile of 768 px is 876.7 level-0 pixels."""
    with Slide(write_slide(image, microns=0.219), settings.model_copy(update={"tolerance": 0.0}), "x") as slide:
        reads = []
        slide._read = lambda x, y, level, wide, high: reads.append(wide) or np.zeros((high, wide, 3), np.uint8)
        slide.read(0, 0, 768)
        step = 768 * slide.pixels_per_tile_pixel
    corners = np.rint(np.arange(50) * step)
    assert reads[0] <= np.diff(corners).min()


def test_what_is_no_slide_is_named(tmp_path, settings):
    path = tmp_path / "broken.tif"
    path.write_bytes(b"II*\0 not a slide")
    with pytest.raises(PipelineError, match=r"broken\.tif cannot be opened"):
        Slide(path, settings, "x")


def test_outside_the_slide_is_white(write_slide, image, settings):
    with Slide(write_slide(image), settings, "x") as slide:
        assert (slide.read(2000, 2000, 16) == 255).all()


@pytest.mark.parametrize("factors", [(), (4,), (4, 16, 64)])
@pytest.mark.parametrize("piece", [2048, 300])
def test_a_thumbnail_is_the_average_of_the_whole_slide_whatever_its_levels_and_the_piece(
    write_slide, image, settings, factors, piece, monkeypatch
):
    monkeypatch.setattr("pipeline.data.slides.reading.PIECE", piece)
    with Slide(write_slide(image[:1000], factors=factors), settings, "x") as slide:
        thumbnail = slide.thumbnail(16.0)
    assert thumbnail.shape == (15, 20, 3)
    assert np.abs(thumbnail - block_mean(image[:1000], 64)).max() <= 2


def test_a_slide_below_one_mask_pixel_is_refused(write_slide, image, settings):
    with Slide(write_slide(image[:256, :200], factors=()), settings, "x") as slide, pytest.raises(PipelineError):
        slide.thumbnail(64.0)


@pytest.mark.skipif(not REAL.is_file(), reason="PIPELINE_REAL_DATA names no folder with slides")
def test_a_scanners_file_with_one_level_is_read_by_its_physical_size(settings):
    """An Aperio slide of 0.499 µm/px."""
    with pytest.raises(PipelineError, match=r"0\.499 µm/px, coarser than the 0\.25"):
        Slide(REAL, settings, "x")
    with Slide(REAL, settings.model_copy(update={"microns_per_pixel": 0.5}), "x") as slide:
        exact = slide.read(600, 700, 300)
        assert slide.thumbnail(64.0).shape == (2967 // 128, 2220 // 128, 3)
    assert np.array_equal(exact, np.asarray(OpenSlide(REAL).read_region((600, 700), 0, (300, 300)))[..., :3])
    with Slide(REAL, settings.model_copy(update={"upsampling": True}), "x") as slide:
        enlarged = slide.read(600, 700, 601)
    assert np.abs(cv2.resize(enlarged, (300, 300), interpolation=cv2.INTER_AREA) - exact.astype(float)).mean() < 4


def test_a_slide_tells_where_its_scanned_part_begins(write_slide, image, settings, monkeypatch):
    path = write_slide(image)
    with Slide(path, settings, "demo_slides") as slide:
        assert slide.corner == (0, 0)
    stated = {**OpenSlide(path).properties, "openslide.bounds-x": "128", "openslide.bounds-y": "64"}
    monkeypatch.setattr(OpenSlide, "properties", stated)
    with Slide(path, settings, "demo_slides") as slide:
        assert slide.corner == (128, 64)
