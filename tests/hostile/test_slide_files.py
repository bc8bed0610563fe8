"""Slide files, as the stage of tissue masks reads one."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tifffile import TiffWriter

from pipeline.data.slides.masks import MaskJob
from pipeline.data.slides.slide_record import SlideRecord
from pipeline.errors import PipelineError
from tests.hostile.inputs import put
from tests.hostile.oracle import OUTSIDE, Either, Gives, Line, judge, lines
from tests.hostile.pictures import png, saved
from tests.shipped import shipped_slides

NAME = r"raw/a\.(tif|svs)"
PIXELS = np.random.default_rng(0).integers(150, 250, (1024, 1024, 3), np.uint8)
PIXELS[256:768, 256:768] = (150, 60, 140)


@pytest.fixture
def mask_of() -> Callable[[str], str]:
    """Make the mask of one slide in this process; its status, or the reason of a failure as an error."""

    def mask_of(name: str) -> str:
        record = SlideRecord("a", name, "train", "", "a")
        tissue = shipped_slides("demo_slides").tissue_masks.model_copy(update={"microns_per_pixel": 8.0})
        job = MaskJob(Path("raw"), shipped_slides("demo_slides").collection, tissue, "demo_slides")
        job(record, Path("part.npz"))
        with np.load("part.npz") as part:
            row = json.loads(str(part["row"]))
        if row["status"] == "failed":
            raise PipelineError(row["reason"])
        return str(row["status"])

    return mask_of


def entry(tag: int, kind: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, 1, value)


def tiff_of(width: int, height: int, *more: bytes) -> bytes:
    """The header of a tiled RGB TIFF with nothing in it, of any size."""
    entries = [
        entry(256, 4, width),
        entry(257, 4, height),
        entry(259, 3, 1),
        entry(262, 3, 2),
        entry(277, 3, 3),
        entry(322, 4, 256),
        entry(323, 4, 256),
        *more,
    ]
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + bytes(4)


@lines(
    Line("empty", b"", NAME),
    Line("text", b"no slide", NAME),
    Line("html_page", b"<!DOCTYPE html><html>404</html>", NAME),
    Line("zeros", bytes(100_000), NAME),
    Line("signature_only", b"II*\0", NAME),
    Line("directory_of_itself", b"II*\0" + struct.pack("<IHI", 8, 0, 8), NAME),
    Line("directory_outside", b"II*\0" + struct.pack("<I", 2**31), NAME),
    Line("directory_of_65535_entries", b"II*\0" + struct.pack("<IH", 8, 65535), NAME),
    Line("big_tiff_signature_only", b"II+\0\x08\0\0\0", NAME),
    Line("png_inside", png(), NAME),
    Line("jpeg_inside", saved("JPEG"), NAME),
    Line("plain_tiff", saved("TIFF", "RGB"), NAME),
    Line("zip_inside", b"PK\x03\x04" + bytes(1000), NAME),
    Line("claims_nothing", tiff_of(0, 0), NAME),
    Line("claims_4_billion_px", tiff_of(2**32 - 1, 2**32 - 1), NAME),
    Line("claims_without_tiles", tiff_of(10_000, 10_000), NAME),
    Line("tiles_of_no_size", tiff_of(10_000, 10_000, entry(322, 4, 0)), NAME),
)
@pytest.mark.parametrize("ending", ["tif", "svs"])
def test_a_file_that_is_no_slide(line: Line, ending: str, mask_of: Callable[[str], str]) -> None:
    put(Path(f"raw/a.{ending}"), line.made)
    judge(lambda: mask_of(f"a.{ending}"), line.says)


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda whole: whole[: int(share * len(whole))]


def zeroed(start: float, end: float) -> Callable[[bytes], bytes]:
    """The same with zeros from one share of the file to another."""

    def change(whole: bytes) -> bytes:
        first, last = int(start * len(whole)), int(end * len(whole))
        return whole[:first] + bytes(last - first) + whole[last:]

    return change


@lines(
    Line("good", ({}, lambda whole: whole), Gives("ok")),
    Line("rubbish_behind", ({}, lambda whole: whole + b"rubbish" * 1000), Gives("ok")),
    Line("cut_at_1_percent", ({}, cut(0.01)), NAME),
    Line("cut_in_half", ({}, cut(0.5)), NAME),
    Line("last_byte_missing", ({}, lambda whole: whole[:-1]), Either(NAME)),
    Line("zeros_in_the_header", ({}, zeroed(0, 0.001)), NAME),
    Line("zeros_in_the_pixels", ({}, zeroed(0.4, 0.6)), Either(rf"{NAME}|tissue")),
    Line("without_scale", ({"microns": None}, lambda whole: whole), rf"{NAME}.*assumed_microns_per_pixel"),
    Line("scale_of_a_photograph", ({"microns": 350.0}, lambda whole: whole), rf"{NAME}.*350.*leave the slide out"),
    Line("scale_below_light", ({"microns": 0.0001}, lambda whole: whole), rf"{NAME}.*leave the slide out"),
    Line("scale_of_two_sides", ({"microns": (0.25, 0.5)}, lambda whole: whole), rf"{NAME}.*0\.25 × 0\.5"),
    Line(
        "coarser_than_asked_for",
        ({"microns": 1.0}, lambda whole: whole),
        rf"{NAME}.*collection\.microns_per_pixel",
    ),
    Line("smaller_than_a_mask_pixel", ({"side": 30}, lambda whole: whole), rf"{NAME}.*30×30"),
)
def test_a_slide_that_is_none(line: Line, write_slide: Callable[..., Path], mask_of: Callable[[str], str]) -> None:
    options: dict[str, Any] = dict(line.made[0])
    side = options.pop("side", 1024)
    path = write_slide(PIXELS[:side, :side], "raw/a.tif", factors=(), **options)
    path.write_bytes(line.made[1](path.read_bytes()))
    judge(lambda: mask_of("a.tif"), line.says)


def test_a_blank_slide_has_a_reason(write_slide: Callable[..., Path], mask_of: Callable[[str], str]) -> None:
    write_slide(np.full((1024, 1024, 3), 244, np.uint8), "raw/a.tif", factors=())
    judge(lambda: mask_of("a.tif"), r"uniform|tissue")


@lines(
    Line("climbs", "../a.tif", rf"'\.\./a\.tif' {OUTSIDE}"),
    Line("absolute", "/etc/passwd", rf"'passwd' {OUTSIDE}"),
    Line("gone", "gone.tif", r"raw/gone\.tif"),
    Line("folder", "folder", r"raw/folder"),
)
def test_a_path_that_is_no_file(line: Line, mask_of: Callable[[str], str]) -> None:
    Path("raw/folder").mkdir(parents=True)
    judge(lambda: mask_of(line.made), line.says)


def test_a_photograph_named_as_a_slide(mask_of: Callable[[str], str]) -> None:
    Path("raw").mkdir()
    Image.fromarray(PIXELS).save("raw/a.tif", compression="tiff_lzw")
    judge(lambda: mask_of("a.tif"), NAME)


CORNER = np.full_like(PIXELS, 240)
CORNER[64:256, 64:256] = PIXELS[320:512, 320:512]
OTHERS = rf"{NAME} has levels that show different pictures, where its tissue should be: write the slide anew"


@lines(
    Line("smaller_copy", PIXELS[::4, ::4], Gives("ok")),
    Line("stretched_copy", PIXELS[::8, ::2], rf"{NAME}.*level of 512×128 px"),
    Line("darker_copy", PIXELS[::4, ::4] // 2, rf"{OTHERS}|black"),
    Line("tissue_elsewhere", CORNER[::4, ::4], OTHERS),
    Line("negative", 255 - PIXELS[::4, ::4], rf"{OTHERS}|black"),
)
def test_a_level_below_the_slide(line: Line, mask_of: Callable[[str], str]) -> None:
    Path("raw").mkdir()
    scale: dict[str, Any] = {"resolution": (40_000, 40_000), "resolutionunit": "CENTIMETER", "metadata": None}
    with TiffWriter("raw/a.tif") as tiff:
        for level, pixels in enumerate((PIXELS, line.made)):
            tiff.write(pixels, tile=(256, 256), photometric="rgb", subfiletype=level, **scale)
    judge(lambda: mask_of("a.tif"), line.says)
