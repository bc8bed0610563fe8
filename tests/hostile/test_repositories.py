"""Repositories that DVC or git cannot read, as make check-lock and make compare meet them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.commands import check_lock, compare
from tests.hostile.inputs import put
from tests.hostile.oracle import Line, judge, lines
from tests.import_closure import ROOT

LOCK, GRAPH = (ROOT / "dvc.lock").read_text(encoding="utf-8"), (ROOT / "dvc.yaml").read_text(encoding="utf-8")


@pytest.fixture
def repository() -> None:
    """The graph and the settings in a repository without commits."""
    subprocess.run(["git", "init", "-q"], env={"PATH": os.environ["PATH"]}, check=True)
    put(Path(".dvc/config"), "")
    put(Path("reports/report.md"), "kept")
    for name in ("dvc.yaml", "dvc.lock", "params.yaml"):
        shutil.copy(ROOT / name, name)


@lines(
    Line("lock_with_marks_of_a_conflict", ("dvc.lock", "<<<<<<< HEAD\n" + LOCK), r"dvc\.lock"),
    Line("lock_empty", ("dvc.lock", ""), r"dvc\.lock"),
    Line("lock_as_list", ("dvc.lock", "[]"), r"dvc\.lock"),
    Line("graph_with_marks_of_a_conflict", ("dvc.yaml", GRAPH + "<<<<<<< HEAD\n"), r"dvc\.yaml"),
    Line("graph_empty", ("dvc.yaml", ""), r"dvc\.yaml"),
    Line("graph_missing", ("dvc.yaml", None), r"dvc\.yaml"),
    Line("settings_missing", ("params.yaml", None), r"arms\.slides"),
    Line("config_no_config", (".dvc/config", "[core\nx"), r"config"),
)
@pytest.mark.usefixtures("repository")
def test_a_repository_that_dvc_cannot_read(line: Line) -> None:
    put(Path(line.made[0]), line.made[1])
    judge(check_lock.misplaced, line.says)


def test_a_download_without_git() -> None:
    put(Path(".dvc/config"), "")
    judge(check_lock.misplaced, r"git")
    judge(lambda: compare.reader_of("main"), r"clone")
