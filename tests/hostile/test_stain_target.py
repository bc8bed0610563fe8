"""The target of stain normalisation."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.data.slides.settings import Region, StainTarget
from pipeline.data.slides.target import target_stains
from tests.hostile.inputs import put
from tests.hostile.oracle import OUTSIDE, Either, Gives, Line, judge, lines
from tests.hostile.pictures import END, chunk, header, png, saved
from tests.shipped import shipped_slides

KEY = r"arms/demo_slides\.yaml: normalize_tiles\.target"


def judge_target(line: Line, name: str, region: Region | None) -> None:
    settings = shipped_slides("demo_slides").normalize_tiles.model_copy(
        update={"target": StainTarget(file=name, region=region), "sampled_pixels": 2000}
    )
    judge(
        lambda: target_stains(Path("raw"), shipped_slides("demo_slides").collection, settings, "demo_slides") and None,
        line.says,
    )


@lines(
    Line("missing", None, rf"{KEY}.*target\.png"),
    Line("empty", b"", rf"{KEY}.*target\.png"),
    Line("text", b"no picture", rf"{KEY}.*target\.png"),
    Line("cut_in_half", png()[:60], rf"{KEY}.*target\.png"),
    Line("without_end", png(header(100, 100), chunk(b"IDAT", b"x" * 50), END), rf"{KEY}.*target\.png"),
    Line("white", saved("PNG", "RGB", np.full((64, 64), 255, np.uint8)), KEY),
    Line("black", saved("PNG", "RGB", np.zeros((64, 64), np.uint8)), KEY),
    Line("one_pixel", saved("PNG", "RGB", np.full((1, 1), 90, np.uint8)), KEY),
    Line("gray", saved("PNG", "L"), Either(KEY)),
    Line("claims_10_001_px", png(header(10_001, 40), END), rf"{KEY}.*target\.png.*10000"),
    Line("claims_2_billion_px", png(header(2**31 - 1, 2**31 - 1), END), rf"{KEY}.*target\.png"),
)
def test_a_picture(line: Line) -> None:
    put(Path("raw/target.png"), line.made)
    judge_target(line, "target.png", None)


@lines(
    Line("climbs", "../target.png", rf"'\.\./target\.png' {OUTSIDE}"),
    Line("absolute", "/etc/passwd", rf"'/etc/passwd' {OUTSIDE}"),
    Line("folder", "folder", rf"{KEY}.*raw/folder"),
)
def test_a_path_that_is_no_picture(line: Line) -> None:
    Path("raw/folder").mkdir(parents=True)
    judge_target(line, line.made, None)


@lines(
    Line("good", Region(x=0, y=0, size=384), Gives()),
    Line("ends_outside", Region(x=300, y=0, size=384), rf"{KEY}.*target\.tif.*384×384"),
    Line("begins_outside", Region(x=10**6, y=10**6, size=10), rf"{KEY}.*target\.tif"),
    Line("larger_than_the_slide", Region(x=0, y=0, size=60_000), rf"{KEY}.*target\.tif"),
)
def test_a_region(line: Line, write_slide: Callable[..., Path], tile: np.ndarray) -> None:
    write_slide(tile, "raw/target.tif", factors=())
    judge_target(line, "target.tif", line.made)


def test_a_region_of_no_slide() -> None:
    put(Path("raw/target.tif"), b"no slide")
    judge_target(Line("", None, r"target\.tif"), "target.tif", Region(x=0, y=0, size=10))
