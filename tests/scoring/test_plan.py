"""What a dry run says."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import layout
from pipeline.commands import score
from tests.scoring.conftest import film, save
from tests.scoring.slide_chain import RUN, tissue


def lines_of(capsys: pytest.CaptureFixture, *words: Any) -> list[str]:
    given = ["model.pt", *map(str, words), "--out", "out", "--device", "cpu", "--workers", "1", "--dry-run"]
    assert score.main(given) == 0
    assert not Path("out").exists()
    return capsys.readouterr().out.splitlines()


def test_images_are_counted_and_the_time_is_measured_on_some(
    in_folder: Path, model_file: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copy(model_file, "model.pt")
    for number in range(25):
        save(Path(f"new/{number:02}.png"), film(500 + number))
        save(Path(f"normals/{number:02}.png"), film(600 + number))
    Path("new/00.png").write_bytes(b"no image")
    first, *names, rest, time = lines_of(capsys, "new", "--normals", "normals")
    assert first == "25 inputs would be scored by padim (images), calibrated on 25 named normals"
    assert names == [f"new/{number:02}.png" for number in range(20)]
    assert rest == "and 5 more"
    assert re.match(r"that takes about \d+ s, judged by up to 8 images or tiles of each kind just now", time)


def test_without_a_readable_image_no_time_is_told(
    in_folder: Path, model_file: Path, capsys: pytest.CaptureFixture
) -> None:
    shutil.copy(model_file, "model.pt")
    Path("notes.txt").write_text("mine", encoding="utf-8")
    assert lines_of(capsys, "notes.txt")[1:] == ["notes.txt"]


def test_views_of_slides_are_counted(
    in_folder: Path, chain: Path, write_slide: Callable, capsys: pytest.CaptureFixture
) -> None:
    shutil.copy(chain / layout.calibrated(RUN), "model.pt")
    write_slide(tissue(margin=0), "in/a.tif")
    write_slide(tissue(), "in/unscaled.tif", microns=None)
    first, slide, failed, time = lines_of(capsys, "in")
    assert first.startswith("2 inputs would be scored by padim (tiles), calibrated on 2 normals")
    found = re.fullmatch(r"in/a\.tif: (\d+) views in (\d+) tiles", slide)
    assert found
    assert int(found[1]) == 9 * int(found[2])
    assert (
        failed
        == "in/unscaled.tif: cannot be scored, in/unscaled.tif does not tell its µm/px: give it by --microns-per-pixel"
    )
    assert time.startswith("that takes about ")
    score.main(["model.pt", "in", "--out", "out", "--device", "cpu", "--workers", "1"])
    assert len(Path("out/slides/a.tif/views.csv").read_text(encoding="utf-8").splitlines()) - 1 == int(found[1])
