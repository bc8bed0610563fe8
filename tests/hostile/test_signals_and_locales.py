"""Interruptions, and terminals that know ASCII only."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.data.conftest import Collection
from tests.hostile.inputs import INVENTORY, list_xrays
from tests.hostile.oracle import Line, check_sentence, lines
from tests.hostile.pictures import png
from tests.import_closure import ROOT

ASCII = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "COLUMNS": "200"}
# Of nine jobs, the first ends soon; then main works with its result for as long as it is told.
WORKING = """
import sys
import time
from pipeline.stage import run_stage
from pipeline.compute.workers import process_all
def main(_):
    for _ in process_all(time.sleep, [0.1, *[60] * 8], 2, "sleeping"):
        print("at work", flush=True)
        time.sleep(float(sys.argv[1]))
if __name__ == "__main__":
    run_stage(main)
"""


def started(*command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
@lines(
    Line("to_all_as_ctrl_c", (os.killpg, "0"), r"^interrupted"),
    Line("to_the_main_process", (os.kill, "0"), r"^interrupted"),
    Line("to_all_while_a_result_is_used", (os.killpg, "60"), r"^interrupted"),
)
def test_an_interruption_of_several_processes(line: Line) -> None:
    kill, seconds = line.made
    Path("working.py").write_text(WORKING, encoding="utf-8")
    process = started("working.py", seconds)
    try:
        assert process.stdout is not None
        assert "at work" in process.stdout.readline() + process.stdout.readline()
        time.sleep(1)  # so that main is where the line says
        kill(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=15)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 128 + signal.SIGINT
    check_sentence(error.strip(), str(line.says))


@lines(
    Line("check_data", ("pipeline", "check-data", "nih_pa"), 1),
    Line("split", ("stages.split_xrays", "nih_pa"), 0),
    Line("unknown_arm", ("stages.split_xrays", "é"), 1),
)
def test_a_terminal_of_ascii(line: Line, nih: Collection) -> None:
    list_xrays()
    done = started("-m", *line.made, **ASCII)
    output, error = done.communicate()
    assert done.returncode == line.says, error
    assert "Traceback" not in output + error
    assert len(error.splitlines()) == line.says


def test_a_name_beyond_ascii_is_listed_or_warned_of_on_a_terminal_of_ascii(nih: Collection) -> None:
    (nih.root / "ä.png").write_bytes(png())
    done = started("-m", "pipeline", "check-data", "nih_pa", **ASCII)
    output, error = done.communicate()
    assert "Traceback" not in output + error
    listed = INVENTORY.read_text(encoding="utf-8")
    assert "ä.png" in listed or r"\udcc3\udca4.png" in error  # what such a system sees of its name
