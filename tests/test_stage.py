import errno
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipeline.errors import advice
from tests.import_closure import ROOT

SCRIPT = """
import errno
import os
import signal
import sys
from pathlib import Path
from pipeline.errors import PipelineError
from pipeline.files import write_text
from pipeline.stage import run_stage

def main(kind):
    if kind == "user":
        raise PipelineError("slide_1.tif cannot be opened: download it again")
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "images.npy")
    if kind == "absent":
        open("no/such/roc.csv")
    if kind == "nameless":
        raise OSError("no image")
    if kind == "interrupted":
        os.kill(os.getpid(), signal.SIGINT)
    if kind == "signs":
        return "made 4 \\u00d7 5 \\u00b5m \\u2192 \\u2713"
    if kind.startswith("write "):
        write_text(Path(kind[6:]), "whole")
    if kind.startswith("read "):
        Path(kind[5:]).read_text(encoding="utf-8")
    if kind == "memory":
        raise MemoryError
    if kind == "device":
        import torch
        raise torch.OutOfMemoryError("CUDA out of memory. See https://pytorch.org")
    if kind == "bug":
        raise ZeroDivisionError("division by zero")
    return "made 3 masks"

run_stage(main)
"""


def run(kind: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    with TemporaryDirectory() as scripts:
        script = Path(scripts) / "script.py"
        script.write_text(SCRIPT, encoding="utf-8")
        return subprocess.run(
            [sys.executable, script, kind],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
            check=False,
        )


def test_a_stage_ends_by_saying_what_it_made() -> None:
    done = run("fine")
    assert (done.returncode, done.stdout) == (0, "made 3 masks\n")


def test_an_error_of_the_user_is_one_sentence() -> None:
    done = run("user")
    assert (done.returncode, done.stderr) == (1, "error: slide_1.tif cannot be opened: download it again\n")


def test_a_full_disk_is_one_sentence() -> None:
    done = run("full")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the disk is full (")
    assert "images.npy" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_file_that_an_earlier_stage_should_have_made_is_one_sentence() -> None:
    done = run("absent")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("error: no/such/roc.csv is missing: run `dvc repro`")


@pytest.mark.parametrize("kind", ["memory", "device"])
def test_a_full_memory_is_one_sentence(kind: str) -> None:
    done = run(kind)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("error: the memory is full: close other programs, or use a machine with more")


def test_an_unforeseen_error_ends_in_a_sentence_too() -> None:
    done = run("bug")
    assert done.returncode == 1
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("error: python ")
    assert "script.py bug stopped on ZeroDivisionError" in sentence


def test_an_error_of_the_system_that_names_no_file_is_unforeseen() -> None:
    assert "stopped on OSError, which it has no advice for" in run("nameless").stderr


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("write taken/of_stage/a.txt", "taken is not a folder, but has to be one: move it away and run again"),
        ("write taken/a.txt", "taken is not a folder, but has to be one: move it away and run again"),
        ("write lost/a.txt", "lost is not a folder, but has to be one: move it away and run again"),
        ("read taken/a.txt", "taken is not a folder, but has to be one: move it away and run again"),
        ("write folder", "folder is a folder, but has to be a file: move it away and run again"),
        ("read folder", "folder is a folder, but has to be a file: move it away and run again"),
        (f"write {'long' * 80}/a.txt", "is too long for the name of a file: shorten the name that it was made from"),
    ],
)
def test_what_stands_in_the_way_is_named_in_one_sentence(tmp_path: Path, kind: str, sentence: str) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "lost").symlink_to(tmp_path / "unplugged disk")
    done = run(kind, tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith(f"{sentence}\n")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_what_may_not_be_written_is_one_sentence(number: int) -> None:
    sentence = advice(OSError(number, os.strerror(number), "reports/report.md"))
    assert sentence is not None
    assert sentence.startswith(f"reports/report.md may not be read or written here ({os.strerror(number)}): change")


def test_an_interruption_is_one_line_and_the_status_of_ctrl_c() -> None:
    done = run("interrupted")
    assert (done.returncode, done.stderr) == (130, "interrupted: run again to go on; what was finished is kept\n")


def test_a_terminal_without_the_signs_of_a_stage_is_no_reason_to_stop() -> None:
    done = run("signs", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "made 4 ? 5 ?m ? ?\n"
