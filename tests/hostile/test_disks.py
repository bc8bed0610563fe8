"""Disks that are full, read-only, or hold a file where a folder should be."""

import codecs
import errno
import os
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.compute import workers
from pipeline.compute.saved_state import SavedState
from pipeline.compute.tensor_files import write_tensors
from pipeline.data.images import Images, write_images
from pipeline.files import write_csv, write_json, write_picture, write_text
from stages import split_xrays
from tests.data.conftest import Collection
from tests.hostile.inputs import INVENTORY, list_and_split_xrays, list_xrays, put
from tests.hostile.oracle import Line, check_sentence, judge, lines, outcome

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


def test_a_full_disk_under_check_data(nih: Collection) -> None:
    with full_disk():
        found = outcome(list_and_split_xrays)
    check_sentence(found.sentence, r"disk.*(nih\.json|nih_pa\.csv)")


def test_a_full_disk_under_a_stage(nih: Collection) -> None:
    list_xrays()
    with full_disk():
        found = outcome(lambda: split_xrays.main("nih_pa"))
    check_sentence(found.sentence, r"disk.*split\.csv")
    assert not list(Path().rglob(".partial-*"))


codecs.lookup("utf-8-sig")  # else it would be imported, which may be forbidden to those who are not root

FOLDERS = [
    ".cache", ".cache/inventory", "data/raw/inventory", "data/interim", "data/interim/nih_pa", "reports",
    "reports/data/nih_pa",
]  # fmt: skip


@pytest.mark.parametrize("folder_to_be", FOLDERS)
def test_a_file_for_a_folder(folder_to_be: str, nih: Collection) -> None:
    put(Path(folder_to_be), "kept")
    judge(list_and_split_xrays, re.escape(folder_to_be))
    assert Path(folder_to_be).read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize("file", [str(INVENTORY), "data/interim/nih_pa/split.csv", "reports/data/nih_pa/split.md"])
def test_a_folder_for_a_file(file: str, nih: Collection) -> None:
    notes = Path(file, "notes")
    notes.mkdir(parents=True)
    judge(list_and_split_xrays, re.escape(Path(file).name))
    assert notes.is_dir()


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
    Line("settings", ("arms/nih_pa.yaml", 0o000), r"arms/nih_pa\.yaml"),
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
            judge(list_and_split_xrays, line.says)
        finally:
            path.chmod(0o755)


@lines(
    Line("shared_memory_read_only", OSError(errno.EROFS, "Read-only file system"), r"process.*shm"),
    Line("too_many_files", OSError(errno.EMFILE, "Too many open files"), r"ulimit"),
)
def test_processes_that_cannot_be_started(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "Pool", mock.Mock(side_effect=line.made))
    judge(lambda: list(workers.process_all(int, [1], 1, "nothing")), line.says)
