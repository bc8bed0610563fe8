import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from pipeline.data.picture_files import read_picture
from pipeline.data.preparing import prepare_thumbnail
from pipeline.data.xrays.settings import EqualizeXrays
from pipeline.errors import PipelineError
from tests.data.conftest import prepared_file
from tests.shipped import shipped_xrays

RAMP = np.add.outer(np.arange(40), 5 * np.arange(40)).astype(np.uint8)


def read_gray(path: Path) -> Image.Image:
    return read_content(path.read_bytes(), path.name)[0]


def read_content(content: bytes, name: str) -> tuple[Image.Image, bool]:
    return read_picture(content, name, "L")


def save(path: Path, image: Image.Image) -> Path:
    image.save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_gray_values_survive_every_kind_of_png(tmp_path: Path, mode: str) -> None:
    image = read_gray(save(tmp_path / "a.png", Image.fromarray(RAMP).convert(mode)))
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), RAMP)


def test_transparency_does_not_darken(tmp_path: Path) -> None:
    layers = np.dstack([RAMP, RAMP, RAMP, np.zeros_like(RAMP)])
    np.testing.assert_array_equal(np.asarray(read_gray(save(tmp_path / "a.png", Image.fromarray(layers)))), RAMP)


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    wide = RAMP.astype(np.uint16) * 257
    wide[0, :2] = 65535, 0
    gray = np.asarray(read_gray(save(tmp_path / "a.png", Image.fromarray(wide))))
    np.testing.assert_array_equal(gray[1:], RAMP[1:])
    assert gray[0, :2].tolist() == [255, 0]


@pytest.mark.parametrize("values", [RAMP / np.float32(255), RAMP.astype(np.int32) + 2**16, RAMP.astype(np.int32) - 1])
def test_gray_of_which_nothing_says_what_is_white_is_refused(tmp_path: Path, values: np.ndarray) -> None:
    with pytest.raises(PipelineError, match=r"a\.tif holds fractions or numbers beyond 16 bits: save it with 8 or 16"):
        read_gray(save(tmp_path / "a.tif", Image.fromarray(values)))


@pytest.mark.parametrize("equalization", ["none", "histogram"])
@pytest.mark.parametrize("shape", [(320, 320), (1024, 1024), (300, 400)])
def test_the_pixels_are_those_of_the_papers_order_of_operations(
    tmp_path: Path, equalization: str, shape: tuple[int, int]
) -> None:
    film = Image.fromarray(np.random.default_rng(0).integers(0, 200, shape, np.uint8))
    section = EqualizeXrays(
        thumbnail_size=300, crop_size=224, equalization=equalization, working_size=64, allowed_failures=0.0
    )
    image = film.resize((300, 300), Image.Resampling.BILINEAR).crop((38, 38, 262, 262))
    image = ImageOps.equalize(image) if equalization == "histogram" else image
    expected = np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR))
    prepared = prepared_file(save(tmp_path / "a.png", film), section)
    assert prepared.shape == (64, 64, 1)
    np.testing.assert_array_equal(prepared[..., 0], expected)


def test_equalisation_makes_exposure_irrelevant(tmp_path: Path, equalize_settings: EqualizeXrays) -> None:
    section = equalize_settings.model_copy(update={"thumbnail_size": 40, "crop_size": 30})
    bright = prepared_file(save(tmp_path / "a.png", Image.fromarray(RAMP // 2 + 100)), section)
    dark = prepared_file(save(tmp_path / "b.png", Image.fromarray(RAMP // 2 + 7)), section)
    np.testing.assert_array_equal(bright, dark)


def huge_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (100_000, 100_000)])
def test_a_claimed_size_beyond_64_megapixels_is_refused_undecoded(tmp_path: Path, width: int, height: int) -> None:
    (tmp_path / "huge.png").write_bytes(huge_header(width, height))
    with pytest.raises(PipelineError, match=r"huge\.png is.*(megapixels|exceeds limit)"):
        read_gray(tmp_path / "huge.png")


def test_a_tiny_image_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("L", (400, 15)))
    with pytest.raises(PipelineError, match=r"a\.png is 400×15 px, smaller than 16 px"):
        read_gray(path)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_png_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(PipelineError, match=r"a\.png is not a whole PNG"):
        read_gray(tmp_path / "a.png")


def test_another_format_under_the_name_of_png_is_refused(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "a.png", "JPEG")
    with pytest.raises(PipelineError, match="is not a whole PNG"):
        read_gray(tmp_path / "a.png")


def test_a_jpeg_is_read_under_its_own_name_only(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "a.jpg", quality=100)
    assert np.abs(np.asarray(read_gray(tmp_path / "a.jpg")).astype(int) - RAMP).max() < 12
    (tmp_path / "a.jpg").rename(tmp_path / "b.png")
    with pytest.raises(PipelineError, match=r"b\.png is not a whole PNG"):
        read_gray(tmp_path / "b.png")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_as_its_exif_block_says(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    image = Image.fromarray(RAMP[:, :24])
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    with Image.open(tmp_path / "a.jpg") as same:
        expected = np.asarray(ImageOps.exif_transpose(same))
    np.testing.assert_array_equal(np.asarray(read_gray(tmp_path / "a.jpg")), expected)
    assert expected.shape == ((40, 24) if orientation < 5 else (24, 40))


def test_a_damaged_exif_block_costs_nothing_but_the_turn(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[Base.Orientation], exif[Base.ImageDescription] = 6, "a film"
    Image.fromarray(RAMP[:, :24]).save(tmp_path / "a.jpg", exif=exif)
    whole = (tmp_path / "a.jpg").read_bytes()
    block = whole.index(b"Exif")
    shapes = set()
    for place in range(block, block - 2 + int.from_bytes(whole[block - 2 : block])):
        for value in (0x00, 0x05, 0xFF):
            damaged = bytearray(whole)
            damaged[place] = value
            shapes.add(read_content(bytes(damaged), "a.jpg")[0].size)
    assert shapes == {(24, 40), (40, 24)}


@pytest.mark.parametrize(
    ("mode", "coloured", "expected"),
    [("RGB", False, False), ("RGBA", False, False), ("P", False, False), ("RGB", True, True), ("P", True, True)],
)
def test_colour_is_what_differs_between_the_channels(tmp_path: Path, mode: str, coloured: bool, expected: bool) -> None:
    layers = np.dstack([RAMP] * 3)
    layers[5, 5, 0] ^= coloured * 0x80
    image = Image.fromarray(layers)
    (image.quantize() if mode == "P" else image.convert(mode)).save(tmp_path / "a.png")
    assert read_content((tmp_path / "a.png").read_bytes(), "a.png")[1] == expected


def test_a_gray_film_saved_as_a_colour_jpeg_has_no_colour(tmp_path: Path) -> None:
    Image.fromarray(np.dstack([RAMP] * 3)).save(tmp_path / "a.jpg")
    assert read_content((tmp_path / "a.jpg").read_bytes(), "a.jpg")[1] is False
    Image.fromarray(np.dstack([RAMP, RAMP, 255 - RAMP])).save(tmp_path / "a.jpg")
    assert read_content((tmp_path / "a.jpg").read_bytes(), "a.jpg")[1] is True


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_few_bits_give_the_grays_that_pillow_gives(tmp_path: Path, bits: int) -> None:
    image = Image.fromarray(RAMP)
    path = save(tmp_path / "a.png", image.convert("1") if bits == 1 else image.quantize(2**bits))
    with Image.open(path) as same:
        np.testing.assert_array_equal(np.asarray(read_gray(path)), np.asarray(same.convert("L")))


def test_clahe_evens_out_fields_of_the_image(equalize_settings: EqualizeXrays) -> None:
    sections = {
        name: equalize_settings.model_copy(update={"equalization": name, "thumbnail_size": 80, "crop_size": 80})
        for name in ("none", "histogram", "clahe")
    }
    shade = np.linspace(0, 200, 80).astype(np.uint8)[None] + np.random.default_rng(0).integers(
        0, 20, (80, 80), np.uint8
    )
    prepared = {name: prepare_thumbnail(shade, section).astype(int) for name, section in sections.items()}
    expected = cv2.createCLAHE(2.0, (8, 8)).apply(shade)
    expected = np.asarray(Image.fromarray(expected).resize((8, 8), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(prepared["clahe"][..., 0], expected)
    assert not np.array_equal(prepared["clahe"], prepared["histogram"])
    assert not np.array_equal(prepared["clahe"], prepared["none"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(1, 10_000), flip=st.integers(0, 10_000))
def test_damage_ends_in_an_image_or_in_an_error_that_names_the_file(tmp_path: Path, cut: int, flip: int) -> None:
    whole = save(tmp_path / "whole.png", Image.fromarray(RAMP)).read_bytes()
    damaged = bytearray(whole[: len(whole) - cut % (len(whole) // 2) + flip % 2 * cut])
    damaged[flip % len(damaged)] ^= 0xFF
    (tmp_path / "a.png").write_bytes(damaged)
    try:
        outcome = read_gray(tmp_path / "a.png").mode
    except PipelineError as error:
        outcome = str(error).split()[0]
    assert outcome in ("L", "a.png")


def test_a_file_cut_in_half_is_an_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    whole = save(tmp_path / "a.png", Image.fromarray(noise)).read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PipelineError, match=r"a\.png is not a whole PNG"):
        read_gray(tmp_path / "a.png")


REAL_DATA = os.environ.get("PIPELINE_REAL_DATA")


@pytest.mark.skipif(REAL_DATA is None, reason="PIPELINE_REAL_DATA names no folder")
def test_real_films_are_equalised_to_a_full_range() -> None:
    files = sorted((Path(str(REAL_DATA)) / "nih" / "images").glob("*.png"))[:20]
    prepared = np.stack([prepared_file(file, shipped_xrays("nih_ap").equalize_xrays) for file in files])
    assert prepared.shape == (20, 64, 64, 1)
    assert np.all(np.abs(prepared.mean(axis=(1, 2, 3)) - 127.5) < 12)
    assert np.all(np.ptp(prepared, axis=(1, 2, 3)) > 200)
