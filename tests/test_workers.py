import os
import signal

import cv2
import numpy as np
import pytest

from pipeline.errors import PipelineError
from pipeline.params.compute import Compute
from pipeline.workers import VARIABLE, process_all, worker_count

COMPUTE = Compute(device="cpu", threads=1, workers=3)


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
