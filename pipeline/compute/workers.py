"""Workers, in processes here or in a cluster's, whose results do not depend on their number."""

import multiprocessing
import multiprocessing.process
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from multiprocessing.context import BaseContext
from threading import Thread
from typing import Any, TypeVar

import cv2
from threadpoolctl import threadpool_limits

from pipeline.compute.progress import progress_bar
from pipeline.errors import PipelineError
from pipeline.params.compute import Compute

Item = TypeVar("Item")
Result = TypeVar("Result")

# Overrides compute.workers on one machine without changing params.yaml.
VARIABLE = "PIPELINE_WORKERS"
# Names a Dask scheduler, by its address or its file, whose workers take the place of processes on this machine.
SCHEDULER = "PIPELINE_SCHEDULER"
# How a process begins; a fork after torch or OpenCV started threads can deadlock.
START = "spawn"
# Lines that tell of the progress where there is no terminal to draw it on, as in the log of a cluster.
LOG_LINES = 10


class WorkerKilledError(PipelineError):
    """A process was killed from outside, or by a library that crashed."""


class Workers(Executor):
    """Those who work.

    Attributes:
        count: How many there are, at the moment.
        advice: What to do if one of them was killed.
    """

    count: int
    advice: str


def worker_count(compute: Compute) -> int:
    """Return the number of processes: of the environment variable :data:`VARIABLE` if it is set, else of params.yaml.

    Raises:
        PipelineError: If the variable holds no positive whole number.
    """
    given = os.environ.get(VARIABLE) or str(compute.workers)
    if not re.fullmatch(r"0*[1-9]\d{0,3}", given, re.ASCII):
        raise PipelineError(
            f"the environment variable {VARIABLE} is {given[:40]!r}: expected a whole number from 1 to 9999"
        )
    return int(given)


def process_all(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    description: str,
    unit: str = "",
    ahead: int | None = None,
) -> Generator[Result]:
    """Apply a function to items in several processes, showing progress.

    Every process computes with one thread: with several, numpy and OpenCV are slower on arrays of this size, and
    sums could depend on the number of cores.

    Args:
        function: A picklable pure function of one item.
        items: The items.
        workers: Number of processes, where there is no cluster.
        description: What the progress display says.
        unit: What the results count, if they are numbers to be summed in the progress display.
        ahead: So many items for each process are at work or done before their results are taken, where results are too
            large for all of them to wait in memory; None for all.

    Yields:
        The results in the order of the items.

    Raises:
        WorkerKilledError: If a process was killed.
    """
    listed = list(items)
    with progress_bar() as bar, worker_pool(min(workers, max(1, len(listed))), description) as pool:
        task, total = bar.add_task(description, total=len(listed), note=""), 0
        at_once = ahead and ahead * pool.count
        for done, result in enumerate(results_of(pool, function, listed, at_once), 1):
            if isinstance(result, int) and unit:
                total += result
                bar.update(task, note=f"{total} {unit}")
            bar.advance(task)
            if bar.disable and done * LOG_LINES // len(listed) > (done - 1) * LOG_LINES // len(listed):
                print(f"{description}: {done} of {len(listed)}", flush=True)
            yield result
            del result  # not kept: results may be large


def results_of(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None
) -> Iterator[Result]:
    """Apply a function to items in a pool; not by its ``map``, which hands over all items before it yields a result.

    Args:
        ahead: So many items are at work or done before their results are taken; None for all.

    Yields:
        The results in the order of the items.
    """
    waiting = iter(items)
    futures = deque(pool.submit(function, item) for item in islice(waiting, ahead))
    while futures:
        result = [futures.popleft().result()]
        futures.extend(pool.submit(function, item) for item in islice(waiting, 1))
        yield result.pop()  # kept nowhere: results may be large


@contextmanager
def worker_pool(count: int, description: str, setting: str = f"{VARIABLE} or compute.workers") -> Iterator[Workers]:
    """Yield processes of this machine, or the workers of the cluster that :data:`SCHEDULER` names.

    Args:
        count: Number of processes, where there is no cluster.
        description: What they do, for errors.
        setting: What says how many processes there are.

    Raises:
        WorkerKilledError: If one of them was killed.
    """
    with _cluster() if on_cluster() else _processes(count, setting) as pool:
        try:
            yield pool
        except BrokenExecutor as error:
            raise WorkerKilledError(
                f"{description}: a worker process was killed, most likely for want of memory: {pool.advice}; what was "
                "finished is kept"
            ) from error


def on_cluster() -> bool:
    """Whether :data:`SCHEDULER` names a cluster."""
    return bool(os.environ.get(SCHEDULER))


def _cluster() -> AbstractContextManager[Workers]:
    from pipeline.compute.cluster import cluster_pool  # noqa: PLC0415  (few have Dask, which takes a second to import)

    return cluster_pool(os.environ[SCHEDULER])


@contextmanager
def _processes(count: int, setting: str) -> Iterator[Workers]:
    """Yield a pool of processes that leave Ctrl-C, which reaches all processes of a terminal, to this one."""
    with _pool(count, multiprocessing.get_context(START)) as pool:
        pool.count, pool.advice = count, f"run again with a smaller {setting}"
        try:
            yield pool
        except (KeyboardInterrupt, GeneratorExit):  # the latter: whoever uses the results was interrupted
            for process in multiprocessing.active_children():
                process.terminate()  # else what is at work would be waited for
            raise
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what is at work ends, nothing else begins
            raise


class Pool(Workers, ProcessPoolExecutor):
    """A pool whose processes leave Ctrl-C to the main one: a job that finds none idle starts one."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """See :meth:`concurrent.futures.Executor.submit`.

        Raises:
            PipelineError: If no process can be started.
        """
        # A process inherits what is blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        except OSError as error:
            raise _not_started(error) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pool(count: int, context: BaseContext) -> Pool:
    try:
        return Pool(count, mp_context=context, initializer=start_worker)
    except OSError as error:
        raise _not_started(error) from error


def _not_started(error: OSError) -> PipelineError:
    return PipelineError(
        f"no process can be started ({error.strerror}): /dev/shm has to be writable, and the limit on open files "
        "(`ulimit -n`) not too low"
    )


def start_worker() -> None:
    """Compute with one thread, and end with the main process however that ends: a killed one cannot say goodbye."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent,), daemon=True).start()
    compute_with_one_thread()


def compute_with_one_thread() -> None:
    """See :func:`process_all`."""
    cv2.setNumThreads(1)
    threadpool_limits(1)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
