"""Trainings side by side, each in a process of its own and, where there are GPUs, on one of its own."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import torch

from pipeline.compute.processes import PARENT
from pipeline.compute.workers import SCHEDULER, on_cluster
from pipeline.errors import PipelineError
from pipeline.layout import SCRATCH, training_log
from pipeline.one_training import Training

LOCK = SCRATCH / "training.lock"
DEVICES = "CUDA_VISIBLE_DEVICES"

Submit = Callable[[Training], Future[str]]


def visible_gpus() -> list[str]:
    """The GPUs that there are, as the environment variable :data:`DEVICES` names them."""
    given = os.environ.get(DEVICES)
    names = given.split(",") if given else map(str, range(torch.cuda.device_count()))
    return [*names][: torch.cuda.device_count()]


def compute_all(
    trainings: Sequence[Training], jobs: int, gpus: Sequence[str]
) -> Iterator[tuple[Training, str | PipelineError]]:
    """Compute trainings, so many at a time; one that fails leaves the others alone.

    Args:
        trainings: What to compute, in this order.
        jobs: How many at a time. The workers of a cluster, where there is one, take one each.
        gpus: See :func:`visible_gpus`; jobs take them in turn. Without any, processes choose their device themselves.

    Yields:
        Each when it has ended, and the line that says what was done, or why it failed.

    Raises:
        PipelineError: If another process computes trainings of this clone in this way, or the cluster cannot be used.
    """
    with alone(), _on_cluster() if on_cluster() else _here(jobs, gpus) as submit:
        futures = {submit(training): training for training in trainings}
        for future in as_completed(futures):
            yield futures[future], _outcome(future)


def _outcome(future: Future[str]) -> str | PipelineError:
    try:
        return future.result()
    except PipelineError as error:
        return error
    except BrokenExecutor:
        return PipelineError("the workers that took it were killed, most likely for want of memory: run again to go on")


@contextmanager
def _here(jobs: int, gpus: Sequence[str]) -> Iterator[Submit]:
    free: SimpleQueue[str | None] = SimpleQueue()
    for job in range(jobs):
        free.put(gpus[job % len(gpus)] if gpus else None)
    running: list[subprocess.Popen[bytes]] = []

    def compute(training: Training) -> str:
        gpu = free.get()
        _say(training, f"begins on GPU {gpu}" if gpu else "begins")
        try:
            return compute_apart(training, gpu, running)
        finally:
            free.put(gpu)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield lambda training: pool.submit(compute, training)
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(wait=False, cancel_futures=True)
            for process in running:
                process.terminate()  # else they would be waited for
            raise


@contextmanager
def _on_cluster() -> Iterator[Submit]:
    from pipeline.compute.cluster import cluster_pool  # noqa: PLC0415  (few have Dask)

    with cluster_pool(os.environ[SCHEDULER], "GPU") as pool:

        def submit(training: Training) -> Future[str]:
            _say(training, "waits for a worker")
            return pool.submit(compute_apart, training)

        yield submit


def _say(training: Training, what: str) -> None:
    print(f"{training.run}: {what}, and says more in {training_log(training.run)}", flush=True)


def compute_apart(
    training: Training, gpu: str | None = None, running: list[subprocess.Popen[bytes]] | None = None
) -> str:
    """Compute a training in a process of its own, which writes into a log.

    Args:
        training: What to compute.
        gpu: The only one that the process sees; None for all.
        running: Where the process is added, for whoever wants to stop it.

    Returns:
        The line that says what was done.

    Raises:
        PipelineError: If it fails; the sentence is that of the process.
    """
    log = training_log(training.run)
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {PARENT: str(os.getpid())} | ({DEVICES: gpu} if gpu is not None else {})
    with log.open("wb") as output:
        command = [sys.executable, "-m", *training.command]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)  # noqa: S603
    if running is not None:
        running.append(process)
    code = process.wait()
    if code < 0:
        raise PipelineError(
            f"its process was killed ({signal.Signals(-code).name}), most likely for want of memory: run again with "
            "fewer at a time on that machine; it goes on where it was"
        )
    if code:
        raise PipelineError(_last(log, "error: ") or f"its process ended with {code}")
    made = _last(log, f"{training.run}: ")
    return f"{training.run}: {made}"


def _last(log: Path, start: str) -> str:
    """The rest of the last line that begins so; nothing if none does."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.removeprefix(start) for line in reversed(lines) if line.startswith(start)), "")


@contextmanager
def alone() -> Iterator[None]:
    """Let no other process of this clone into such a block."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PipelineError(
                "trainings of this clone are being computed by another `make train`: wait for it, or stop it"
            ) from error
        except OSError:  # a file system that locks nothing
            pass
        yield
