"""X-ray image files, as the thumbnails are made of them."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.data.thumbnails import Chunk, ThumbnailJob
from pipeline.errors import PipelineError
from tests.hostile.inputs import put
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.hostile.pictures import (
    END,
    FILM,
    SIGNATURE,
    chunk,
    flipped,
    header,
    jpeg_of_size,
    png,
    rows,
    saved,
    turned,
)

SIDE = 4
UPRIGHT = Gives([1, 20, 20, 20])
PNG, JPG = r"images/a\.png.*(download|leave it out)", r"images/a\.jpg.*(download|leave it out)"


def corners(path: str) -> list[int]:
    """Make the thumbnail of one file as a worker does; its corners, from the upper left on, in tenths of a gray."""
    array = Path("images.npy")
    array.write_bytes(bytes(SIDE**2))
    ThumbnailJob(Path("raw"), array, 0, SIDE)(Chunk("", (0,), (path,)), Path("part.npz"))
    with np.load("part.npz") as part:
        reason = str(part["reasons"][0])
    if reason:
        raise PipelineError(reason)
    pixels = np.frombuffer(array.read_bytes(), np.uint8).reshape(SIDE, SIDE)
    return [round(int(pixels[y, x]) / 10) for y in (0, -1) for x in (0, -1)]


def judge_file(line: Line, name: str) -> None:
    put(Path("raw", name), line.made)
    judge(lambda: corners(name), line.says)


@lines(
    Line("gray", png(), UPRIGHT),
    Line("gray_and_transparent", saved("PNG", "LA"), UPRIGHT),
    Line("colour", saved("PNG", "RGB"), UPRIGHT),
    Line("colour_and_transparent", saved("PNG", "RGBA"), UPRIGHT),
    Line("palette", saved("PNG", "P"), UPRIGHT),
    Line("one_bit", saved("PNG", "1", np.where(FILM > 100, 255, 0).astype(np.uint8)), Gives([0, 26, 26, 26])),
    Line("16_bits", saved("PNG", "I;16", FILM.astype(np.uint16) * 257), UPRIGHT),
    Line("animated", saved("PNG", save_all=True, append_images=[Image.new("L", (40, 40))]),
         r"images/a\.png holds 2 images"),
    Line("trailing_rubbish", png() + b"rubbish" * 100, UPRIGHT),
    Line("empty", b"", PNG),
    Line("text", b"no picture", PNG),
    Line("html_page", b"<!DOCTYPE html><html>404</html>", PNG),
    Line("signature_only", SIGNATURE, PNG),
    Line("zeros", bytes(5000), PNG),
    Line("jpeg_inside", saved("JPEG"), PNG),
    Line("gif_inside", saved("GIF"), PNG),
    Line("bmp_inside", saved("BMP"), PNG),
    Line("tiff_inside", saved("TIFF"), PNG),
    Line("dicom_inside", bytes(128) + b"DICM" + bytes(500), PNG),
    Line("postscript_inside", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n", PNG),
    Line("cut_in_the_header", png()[:20], PNG),
    Line("cut_in_half", png()[: len(png()) // 2], PNG),
    Line("without_end", png(header(), rows()), Either(PNG)),
    Line("without_pixels", png(header(), END), PNG),
    Line("without_header", png(rows(), END), PNG),
    Line("header_twice", png(header(), header(20, 20), rows(), END), Either(PNG)),
    Line("half_of_the_rows", png(header(), rows(FILM[:20]), END), Either(PNG)),
    Line("pixels_that_do_not_inflate", png(header(), chunk(b"IDAT", b"rubbish" * 50), END), PNG),
    Line("wrong_checksum_of_the_header", png(chunk(b"IHDR", header()[8:21], crc=0), rows(), END), PNG),
    Line("wrong_checksum_of_the_pixels", png(header(), chunk(b"IDAT", rows()[8:-4], crc=0), END), PNG),
    Line("chunk_longer_than_the_file", png(header(), chunk(b"IDAT", b"x", length=0x7FFFFFFF)), PNG),
    Line("chunk_of_4_gigabytes", png(header(), chunk(b"IDAT", b"x", length=0xFFFFFFFF)), PNG),
    Line("unknown_critical_chunk", png(header(), chunk(b"EVIL", b"x"), rows(), END), Either(PNG)),
    Line("three_bits", png(header(bits=3), rows(), END), PNG),
    Line("unknown_colour_type", png(header(colour=9), rows(), END), PNG),
    Line("palette_missing", png(header(colour=3), rows(), END), Either(PNG)),
    Line("palette_of_one_colour", png(header(colour=3), chunk(b"PLTE", b"\0\0\0"), rows(), END), Either(PNG)),
    Line("interlaced_but_not", png(header(interlace=1), rows(), END), Either(PNG)),
    Line("no_pixels_wide", png(header(width=0), rows(), END), r"images/a\.png"),
    Line("no_pixels_at_all", png(header(0, 0), rows(), END), r"images/a\.png"),
    Line("15_px_high", png(header(height=15), rows(FILM[:15]), END), r"images/a\.png.*40×15 px"),
    Line("64_megapixels_and_a_row", png(header(8001, 8000), rows(), END), r"images/a\.png.*8001×8000"),
    Line("a_side_of_2_billion", png(header(2**31 - 1, 40), rows(), END), r"images/a\.png"),
    Line("claims_64_megapixels_of_nothing", png(header(8000, 8000), rows(), END), Either(PNG)),
    Line("text_that_inflates", png(header(), chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(2**27))), rows(), END),
         Either(r"images/a\.png")),
    Line("profile_that_inflates", png(header(), chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(2**27))), rows(), END),
         Either(r"images/a\.png")),
    Line("transparency_too_long", png(header(), chunk(b"tRNS", bytes(1000)), rows(), END), Either(PNG)),
    Line("animation_of_no_frame", png(header(), chunk(b"acTL", struct.pack(">II", 0, 0)), rows(), END), Either(PNG)),
    *(Line(f"bit_flip_{byte}", flipped(png(), byte, 4), Either(r"images/a\.png")) for byte in range(0, 100, 9)),
)  # fmt: skip
def test_png(line: Line) -> None:
    judge_file(line, "images/a.png")


def with_damaged_exif() -> bytes:
    whole = turned(6)
    return whole.replace(b"Exif\0\0MM", b"Exif\0\0XX").replace(b"Exif\0\0II", b"Exif\0\0XX")


@lines(
    Line("gray", saved("JPEG"), UPRIGHT),
    Line("colour", saved("JPEG", "RGB"), UPRIGHT),
    Line("cmyk", saved("JPEG", "CMYK"), UPRIGHT),
    Line("progressive", saved("JPEG", progressive=True), UPRIGHT),
    Line("turned_right", turned(6), Gives([20, 1, 20, 20])),
    Line(
        "two_pictures_turned_right",
        turned(6, "MPO", save_all=True, append_images=[Image.new("L", (40, 40))]),
        Gives([20, 1, 20, 20]),
    ),
    Line("turned_over", turned(3), Gives([20, 20, 20, 1])),
    Line("turned_left", turned(8), Gives([20, 20, 1, 20])),
    Line("mirrored", turned(2), Gives([20, 1, 20, 20])),
    Line("turned_in_an_unknown_way", turned(99), UPRIGHT),
    Line("damaged_exif", with_damaged_exif(), UPRIGHT),
    Line("png_inside", png(), JPG),
    Line("empty", b"", JPG),
    Line("start_only", b"\xff\xd8", JPG),
    Line("start_and_end", b"\xff\xd8\xff\xd9", JPG),
    Line("cut_in_half", saved("JPEG")[:300], JPG),
    Line("cut_in_the_pixels", saved("JPEG", quality=100)[:-40], Either(JPG)),
    Line("claims_4_gigapixels", jpeg_of_size(65_500, 65_500), r"images/a\.jpg"),
    Line("claims_no_height", jpeg_of_size(40, 0), r"images/a\.jpg"),
    Line("claims_8_px", jpeg_of_size(8, 8), r"images/a\.jpg.*8×8 px"),
    *(
        Line(f"bit_flip_{byte}", flipped(saved("JPEG"), byte, 4), Either(r"images/a\.jpg"))
        for byte in range(0, 600, 75)
    ),
)
def test_jpeg(line: Line) -> None:
    judge_file(line, "images/a.jpg")


@pytest.mark.parametrize("name", ["images/a.png", "images/a.jpg"])
def test_a_file_of_300_megabytes_is_not_read(name: str) -> None:
    Path("raw/images").mkdir(parents=True)
    with Path("raw", name).open("wb") as file:
        file.write(png() if name.endswith("png") else saved("JPEG"))
        file.truncate(300 * 2**20)
    judge(lambda: corners(name), rf"{name}")


def test_every_reason_is_the_same_twice() -> None:
    """As it is written to an output, which must not depend on addresses."""
    put(Path("raw/images/a.png"), b"no picture")
    found = []
    for _ in range(2):
        io.BytesIO(bytes(1000))  # moves what is allocated
        with pytest.raises(PipelineError) as caught:
            corners("images/a.png")
        found.append(str(caught.value))
    assert found[0] == found[1]


def test_what_libpng_says_is_not_quoted() -> None:
    """Its words lie in memory that is freed, so that they are other ones in every run, and often no UTF-8."""
    put(Path("raw/a.png"), png(header(), header(4000, 4000), rows(), END))
    judge(lambda: corners("a.png"), r"^error: a\.png is not a whole PNG file: download it again$")
