import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.compute import workers as workers_module
from pipeline.compute.workers import SCHEDULER, START, VARIABLE, process_all, worker_count
from pipeline.errors import PipelineError
from pipeline.params.compute import Compute
from tests.import_closure import ROOT

COMPUTE = Compute(device="cpu", threads=1, processes=1, memory=1.0, compile=False, workers=3, trials=1)


@pytest.fixture(autouse=True)
def processes_begin_as_for_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "START", START)


def square(number: int) -> int:
    return number * number


def threads(_: int) -> int:
    return cv2.getNumThreads()


def die(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert list(process_all(square, range(20), workers, "squares")) == [number**2 for number in range(20)]


def test_a_process_computes_with_one_thread() -> None:
    assert list(process_all(threads, [0], 1, "threads")) == [1]


def test_a_killed_process_is_one_sentence() -> None:
    with pytest.raises(PipelineError, match=r"numbers: a worker process was killed.*smaller PIPELINE_WORKERS"):
        list(process_all(die, range(4), 1, "numbers"))


def test_the_environment_sets_the_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert worker_count(COMPUTE) == 3
    monkeypatch.setenv(VARIABLE, "12")
    assert worker_count(COMPUTE) == 12


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_number_of_processes_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(PipelineError, match=f"PIPELINE_WORKERS is '{value}'"):
        worker_count(COMPUTE)


def test_arrays_travel_between_processes() -> None:
    (result,) = process_all(np.sum, [np.arange(5)], 1, "sums")
    assert result == 10


def test_a_cluster_without_dask_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCHEDULER, "tcp://127.0.0.1:8786")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        PipelineError, match=r"^the environment .*SCHEDULER is set, .*: run `pip install .* '\.\[cluster\]'`"
    ):
        list(process_all(square, range(2), 1, "squares"))


ORPHANS = """
import os, time
from pipeline.compute.workers import process_all
def work(_):
    os.write(1, b"%d\\n" % os.getpid())  # whole, unlike what is printed
    time.sleep(60)
if __name__ == "__main__":
    list(process_all(work, range(2), 2, "sleep"))
"""


def test_no_process_outlives_a_killed_main_process(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(ORPHANS)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "script.py")]
    main = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    workers = [int(main.stdout.readline()) for _ in range(2)] if main.stdout else []
    main.kill()
    main.wait()
    deadline = time.monotonic() + 20
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker is still there"
        time.sleep(0.1)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split()[2] != "Z"
    except FileNotFoundError:
        return False


INTERRUPTED = """
import os, time
from pathlib import Path
from pipeline.files import atomic
from pipeline.stage import run_stage
from pipeline.compute.workers import process_all
def work(number):
    Path(f"at_work_{number}").touch()
    time.sleep(60)
def main():
    with atomic(Path("made")) as folder:
        folder.mkdir()
        list(process_all(work, range(8), 2, "sleep"))
    return "made"
if __name__ == "__main__":
    run_stage(main)
"""


@pytest.mark.parametrize("to_all", [True, False], ids=["on a terminal", "by its number"])
@pytest.mark.parametrize("at_work", [True, False], ids=["at work", "while it starts"])
def test_an_interruption_is_one_line_at_once_and_leaves_nothing(tmp_path: Path, to_all: bool, at_work: bool) -> None:
    (tmp_path / "script.py").write_text(INTERRUPTED)
    main = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    awaited = "at_work_1" if at_work else ".partial-made"
    deadline = time.monotonic() + 30
    while not (tmp_path / awaited).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0 if at_work else 0.5)
    (os.killpg if to_all else os.kill)(main.pid, signal.SIGINT)
    _, errors = main.communicate(timeout=20)
    assert (main.returncode, errors) == (130, "interrupted: run again to go on; what was finished is kept\n")
    assert not (tmp_path / ".partial-made").exists()


def start(number: int) -> int:
    Path(f"begun-{number}").touch()
    return number


def test_where_results_are_large_few_of_them_wait(in_folder: Path) -> None:
    results = process_all(start, range(12), 2, "items", ahead=2)
    taken = []
    for result in results:
        taken.append(result)
        assert len([*Path().glob("begun-*")]) <= len(taken) + 4
        time.sleep(0.05)  # others could begin meanwhile
    assert taken == [*range(12)]
