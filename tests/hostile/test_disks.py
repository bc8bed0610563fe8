"""Disks that are full, read-only, or hold a file where a folder should be."""

import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.detectors.saved_state import SavedState
from pipeline.detectors.tensor_files import write_tensors
from pipeline.files import write_csv, write_json, write_picture, write_text
from pipeline.images import Images, write_images
from pipeline.inventory import make_inventory
from stages import split_xrays
from tests.hostile.oracle import Line, check_sentence, judge, lines, outcome
from tests.import_closure import ROOT
from tests.xrays.conftest import Collection

OUT = Path("reports/out")
LARGE = pd.DataFrame({"a": np.arange(5000)})


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond some bytes, which a process is told like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@lines(
    Line("text", lambda: write_text(OUT, "x" * 5000), r"disk.*reports/out"),
    Line("table", lambda: write_csv(OUT, LARGE), r"disk.*reports/out"),
    Line("json", lambda: write_json(OUT, {"a": "x" * 5000}), r"disk.*reports/out"),
    Line("picture", lambda: write_picture(OUT.with_suffix(".png"),
                                          np.random.default_rng(0).integers(0, 255, (99, 99), np.uint8)), r"disk"),
    Line("model", lambda: write_tensors(OUT, {"a": torch.zeros(5000)}), r"disk.*reports/out"),
    Line("training_state", lambda: SavedState(OUT, "key").write({"a": torch.zeros(5000)}), r"disk.*reports/out"),
)  # fmt: skip
def test_a_full_disk(line: Line) -> None:
    OUT.parent.mkdir()
    with full_disk():
        found = outcome(line.made)
    check_sentence(found.sentence, str(line.says))
    assert [file for file in Path().rglob("*") if file.is_file()] == []


def test_a_full_disk_under_an_array(tiny_images: Images) -> None:
    write_images(OUT, [tiny_images.pixels], tiny_images.index, {})
    before = {file: file.read_bytes() for file in OUT.iterdir()}
    with full_disk():
        found = outcome(lambda: write_images(OUT, [tiny_images.pixels], tiny_images.index, {}))
    check_sentence(found.sentence, r"disk.*reports/out")
    assert {file: file.read_bytes() for file in Path("reports").rglob("*") if file.is_file()} == before


@pytest.fixture
def nih() -> Collection:
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    return Collection(Path("data/raw/nih")).write()


def listed_and_split() -> None:
    make_inventory(Path("data/raw/nih"), Path("data/raw/inventory/nih_pa.csv"), Path(".cache/inventory/nih.json"))
    split_xrays.main("nih_pa")


def test_a_full_disk_under_check_data(nih: Collection) -> None:
    with full_disk():
        found = outcome(listed_and_split)
    check_sentence(found.sentence, r"disk.*(nih\.json|nih_pa\.csv)")


def test_a_full_disk_under_a_stage(nih: Collection) -> None:
    make_inventory(nih.root, Path("data/raw/inventory/nih_pa.csv"), Path(".cache/inventory/nih.json"))
    with full_disk():
        found = outcome(lambda: split_xrays.main("nih_pa"))
    check_sentence(found.sentence, r"disk.*split\.csv")
    assert not list(Path().rglob(".partial-*"))


@lines(
    Line("scratch", Path(".cache"), r"\.cache"),
    Line("scratch_of_inventories", Path(".cache/inventory"), r"\.cache/inventory"),
    Line("inventories", Path("data/raw/inventory"), r"data/raw/inventory"),
    Line("outputs", Path("data/interim"), r"data/interim"),
    Line("outputs_of_an_arm", Path("data/interim/nih_pa"), r"data/interim/nih_pa"),
    Line("reports", Path("reports"), r"reports"),
    Line("reports_of_an_arm", Path("reports/data/nih_pa"), r"reports/data/nih_pa"),
)
def test_a_file_for_a_folder(line: Line, nih: Collection) -> None:
    line.made.parent.mkdir(parents=True, exist_ok=True)
    line.made.write_text("kept", encoding="utf-8")
    judge(listed_and_split, line.says)
    assert line.made.read_text(encoding="utf-8") == "kept"


@lines(
    Line("inventory", Path("data/raw/inventory/nih_pa.csv"), r"nih_pa\.csv"),
    Line("table", Path("data/interim/nih_pa/split.csv"), r"split\.csv"),
    Line("page", Path("reports/data/nih_pa/split.md"), r"split\.md"),
)
def test_a_folder_for_a_file(line: Line, nih: Collection) -> None:
    (line.made / "notes").mkdir(parents=True)
    judge(listed_and_split, line.says)
    assert (line.made / "notes").is_dir()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Not as root, whom nothing is forbidden."""
    root = os.geteuid() == 0
    for path in (Path(), *Path().rglob("*")) if root else ():
        os.chown(path, 65534, 65534)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@lines(
    Line("scratch", (".cache", 0o555), r"\.cache.*permission"),
    Line("inventories", ("data/raw/inventory", 0o555), r"data/raw/inventory.*permission"),
    Line("outputs", ("data/interim", 0o555), r"data/interim.*permission"),
    Line("reports", ("reports", 0o555), r"reports.*permission"),
    Line("settings", ("params.yaml", 0o000), r"params\.yaml"),
    Line("image", ("data/raw/nih/images/00000001_000.png", 0o000), r"00000001_000\.png.*repair"),
    Line("metadata", ("data/raw/nih/Data_Entry_2017_v2020.csv", 0o000), r"Data_Entry_2017_v2020\.csv"),
    Line("collection", ("data/raw/nih", 0o000), r"data/raw/nih"),
    Line("folder_of_images", ("data/raw/nih/images", 0o000), r"nih/images"),
)
def test_what_may_not_be_read_or_written(line: Line, nih: Collection) -> None:
    name, mode = line.made
    path = Path(name)
    if not path.exists():
        path.mkdir(parents=True)
    with unprivileged():
        path.chmod(mode)
        try:
            judge(listed_and_split, line.says)
        finally:
            path.chmod(0o755)
