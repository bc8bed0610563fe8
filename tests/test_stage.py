import subprocess
import sys

SCRIPT = """
import errno
import sys
from pipeline.errors import PipelineError
from pipeline.stage import run_stage

def main(kind):
    if kind == "user":
        raise PipelineError("slide_1.tif cannot be opened: download it again")
    if kind == "full":
        raise OSError(errno.ENOSPC, "No space left on device", "images.npy")
    if kind == "absent":
        open("no/such/roc.csv")
    if kind == "bug":
        raise ZeroDivisionError("division by zero")
    return "made 3 masks"

run_stage(main)
"""


def run(kind: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", SCRIPT, kind], capture_output=True, text=True, check=False)


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


def test_an_unforeseen_error_ends_in_a_sentence_too() -> None:
    done = run("bug")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
