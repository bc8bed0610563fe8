"""The branch from slides to the prepared array, stage by stage, on a small drawn collection."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.images import read_images
from pipeline.data.inventory import make_inventory
from pipeline.demo.slides import make_slides
from pipeline.errors import PipelineError
from pipeline.params.demo import DemoSlides
from stages import normalize_tiles, sample_tiles, show_slides, tissue_masks
from tests import forked
from tests.forked import Fork
from tests.shipped import with_values, write

ARM = "demo_slides"
RAW = Path("data/raw") / ARM
BRANCH = (tissue_masks, sample_tiles, normalize_tiles, show_slides)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slides of 2304 px: three normal ones for training, one normal and one with tumour for the test."""
    folder = tmp_path_factory.mktemp("drawn")
    make_slides(folder, DemoSlides(normal=3, tumour=1, test_normal=1, test_tumour=1, blank=0, size=2304), 0, 2)
    return folder


def write_settings(folder: Path = Path(), **changed: Any) -> None:
    """Write the shipped settings for the small collection, with changes by section and key, as ``collection__seed``."""
    own = {
        "collection__table": "slides.csv",
        "collection__validation_tumour": [],
        "collection__validation_share": 0.0,
        "normalize_tiles__target": {
            "file": "training/normal/normal_001.tif",
            "region": {"x": 768, "y": 768, "size": 768},
        },
    }
    values = {f"arms/{ARM}.yaml:{key.replace('__', '.')}": value for key, value in (own | changed).items()}
    write(with_values(("demo_data.slides.size", 2304), *values.items()), folder)


@pytest.fixture
def repository(in_folder: Path, drawn: Path) -> Path:
    """A folder with settings and the drawn slides, described by a table."""
    write_settings()
    shutil.copytree(drawn, RAW, copy_function=os.link)
    write_table()
    return in_folder


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, drawn: Path) -> Path:
    """A repository in which the branch was run, for tests that compare with it; not to be changed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PIPELINE_WORKERS", "1")
        write_settings()
        shutil.copytree(drawn, RAW, copy_function=os.link)
        write_table()
        run_branch()
    return folder


@pytest.fixture
def finished(repository: Path, undisturbed: Path) -> Path:
    """The repository after an undisturbed run."""
    for top in ("data/interim", "data/prepared", "reports"):
        shutil.copytree(undisturbed / top, top)
    return repository


def write_table(*more: str) -> None:
    """Describe the drawn slides, each of a patient of its own, and perhaps some more."""
    rows = ["path,role,annotation,group", *(f"training/normal/normal_00{i}.tif,train,,{i}" for i in (1, 2, 3))]
    for line in (RAW / "testing/reference.csv").read_text().splitlines():
        name, label = line.split(",")[:2]
        role = "test_tumour" if label == "Tumor" else "test_normal"
        annotation = f"testing/lesion_annotations/{name}.xml" if label == "Tumor" else ""
        rows.append(f"testing/images/{name}.tif,{role},{annotation},{label}")
    (RAW / "slides.csv").write_text("\n".join([*rows, *more]))
    make_inventory(RAW, Path(f"data/raw/inventory/{ARM}.csv"), Path(f".cache/inventory/{ARM}.json"))


def run_branch() -> None:
    for stage in BRANCH:
        stage.main(ARM)


def outputs() -> dict[str, bytes]:
    files = (file for top in ("data/interim", "data/prepared", "reports") for file in Path(top).rglob("*"))
    return {str(file): file.read_bytes() for file in files if file.is_file()}


def test_from_slides_to_the_array_contract_with_a_picture_of_each_slide(
    undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(undisturbed)
    prepared = read_images(Path("data/prepared") / ARM)
    assert prepared.pixels.shape[1:] == (192, 192, 3)
    assert set(prepared.index["group"]) == {"1", "2", "3", "Normal", "Tumor"}
    assert set(prepared.index.loc[prepared.index["label"] == 1, "group"]) == {"Tumor"}
    assert len(list(Path(f"data/interim/{ARM}/overlays").iterdir())) == 5
    report = Path("reports/data") / ARM
    assert {file.name for file in report.iterdir()} == {"overlays.png", "normalisation.png", "counts.csv", "slides.md"}
    page = (report / "slides.md").read_text(encoding="utf-8")
    assert "what became of 5 slides" in page
    assert all((report / part.split(")")[0]).is_file() for part in page.split("](")[1:])
    assert not any(Path(".cache").rglob("*.npz"))


@pytest.mark.usefixtures("finished")
def test_bad_slides_are_rows_with_a_reason_and_cost_the_others_nothing(write_slide: Callable[..., Path]) -> None:
    good = read_images(Path("data/prepared") / ARM)
    whole = (RAW / "training/normal/normal_001.tif").read_bytes()
    bad = {"zero.tif": b"", "truncated.tif": whole[: len(whole) // 3], "text.tif": b"no slide"}
    for name, content in bad.items():
        (RAW / name).write_bytes(content)
    write_slide(np.full((2304, 2304, 3), 244, np.uint8), "glass.tif").rename(RAW / "glass.tif")
    write_slide(np.full((2304, 2304, 3), 2, np.uint8), "dark.tif").rename(RAW / "dark.tif")
    (RAW / "bad.xml").write_text('<!DOCTYPE a [<!ENTITY e "x">]><ASAP_Annotations>&e;</ASAP_Annotations>')
    (RAW / "outlines.tif").write_bytes((RAW / "testing/images/test_001.tif").read_bytes() + b"another content")
    rows = [f"{name},train,,{name}" for name in (*bad, "glass.tif", "dark.tif")]
    write_table(*rows, "outlines.tif,test_tumour,bad.xml,f")
    write_settings(collection__allowed_failures=0.6)
    run_branch()
    status = pd.read_csv(f"data/interim/{ARM}/normalized/status.csv").set_index("name")
    failed = status[status["status"] == "failed"]
    assert set(failed.index) == {"zero", "truncated", "text", "glass", "dark", "outlines"}
    assert failed["reason"].str.len().gt(10).all()
    again = read_images(Path("data/prepared") / ARM)
    assert again.index.equals(good.index)
    assert np.array_equal(again.pixels, good.pixels)


def test_too_many_bad_slides_stop_the_stage_but_leave_their_table(repository: Path) -> None:
    (RAW / "zero.tif").touch()
    write_table("zero.tif,train,,z")
    reason = r"^demo_slides: 1 of 6 slides failed, more than arms/demo_slides\.yaml:collection\.allowed_failures 0\.1"
    with pytest.raises(PipelineError, match=reason):
        tissue_masks.main(ARM)
    status = pd.read_csv(f"data/interim/{ARM}/masks/status.csv").set_index("name")
    assert "zero.tif" in status.loc["zero", "reason"]


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_the_number_of_workers_changes_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    by_one = outputs()
    monkeypatch.setenv("PIPELINE_WORKERS", "2")
    run_branch()
    assert outputs() == by_one
    assert len(by_one) > 20


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["tissue_masks", "normalize_tiles"])
@pytest.mark.usefixtures("finished")
def test_a_killed_stage_goes_on_where_it_was_and_ends_in_the_same_bytes(fork: Fork, stage: str) -> None:
    expected = outputs()
    killed = fork(forked.stage, stage, ARM)
    scratch = Path(".cache") / stage / ARM
    while len(list(scratch.glob("[!.]*.npz"))) < 2:
        assert killed.poll() is None, "the stage ended before it could be killed"
        time.sleep(0.002)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    finished = len(list(scratch.glob("[!.]*.npz")))
    resumed = fork(forked.stage, stage, ARM)
    output, error = resumed.communicate()
    assert resumed.returncode == 0, error
    assert f"{finished} of 5 were finished before" in output
    assert outputs() == expected


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_a_full_disk_is_one_sentence_and_nothing_is_lost(fork: Fork) -> None:
    expected = outputs()
    for stage, kib in ((normalize_tiles, 150), (tissue_masks, 1)):
        full = fork(forked.stage, stage.__name__.removeprefix("stages."), ARM, largest_file=kib * 1024)
        _, error = full.communicate()
        assert full.returncode != 0
        assert error.strip().splitlines()[-1].startswith("error: the disk is full")
        assert "Traceback" not in error
        assert outputs() == expected
        stage.main(ARM)
        assert outputs() == expected


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_a_full_disk_leaves_out_no_full_size_tile(fork: Fork) -> None:
    small = {"sample_tiles__tile_size": 256, "sample_tiles__tiles_per_slide": 2, "normalize_tiles__working_size": 128}
    write_settings(normalize_tiles__full_size_tiles=True, **small)
    sample_tiles.main(ARM)
    normalize_tiles.main(ARM)
    expected = outputs()
    tiles = list(Path(f"data/interim/{ARM}/normalized/tiles").iterdir())
    assert len(tiles) == 10
    full = fork(forked.stage, "normalize_tiles", ARM, largest_file=max(tile.stat().st_size for tile in tiles) - 1)
    _, error = full.communicate()
    assert error.strip().splitlines()[-1].startswith("error: the disk is full")
    normalize_tiles.main(ARM)
    assert outputs() == expected


def test_a_slide_that_changed_at_its_size_is_refused_by_the_stages_that_open_it(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for stage in (tissue_masks, sample_tiles):
        stage.main(ARM)
    path = RAW / "training/normal/normal_002.tif"
    content = path.read_bytes()
    path.unlink()  # a link to the drawn slide
    path.write_bytes(content)
    tissue_masks.main(ARM)  # only the time of change is another
    assert f"{path}: not the time of change that is remembered" in capsys.readouterr().out
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for stage in (tissue_masks, normalize_tiles):
        with pytest.raises(PipelineError, match=r"normal_002\.tif has another content than when it was listed: put it"):
            stage.main(ARM)


@pytest.mark.usefixtures("finished")
def test_a_slide_whose_disk_was_away_is_read_when_it_is_back() -> None:
    expected = outputs()
    path = RAW / "training/normal/normal_002.tif"
    content, listed = path.read_bytes(), path.stat()
    path.unlink()  # a link to the drawn slide
    path.write_bytes(bytes(len(content)))
    os.utime(path, ns=(listed.st_atime_ns, listed.st_mtime_ns))  # as the listing knows it
    with pytest.raises(PipelineError, match="1 of 5 slides failed"):
        tissue_masks.main(ARM)
    path.write_bytes(content)
    run_branch()
    assert outputs() == expected
