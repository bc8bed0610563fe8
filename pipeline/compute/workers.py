"""A process pool whose results do not depend on the number of processes."""

import multiprocessing
import multiprocessing.process
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
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
# How a process begins; a fork after torch or OpenCV started threads can deadlock.
START = "spawn"
# Lines that tell of the progress where there is no terminal to draw it on, as in the log of a cluster.
LOG_LINES = 10


class WorkerKilledError(PipelineError):
    """A process was killed from outside, or by a library that crashed."""


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
        workers: Number of processes.
        description: What the progress display says.
        unit: What the results count, if they are numbers to be summed in the progress display.
        ahead: So many items are at work or done before their results are taken, where results are too large for all of
            them to wait in memory; None for all.

    Yields:
        The results in the order of the items.

    Raises:
        WorkerKilledError: If a process was killed.
    """
    listed = list(items)
    with progress_bar() as bar, worker_pool(min(workers, max(1, len(listed)))) as pool:
        task, total = bar.add_task(description, total=len(listed), note=""), 0
        try:
            for done, result in enumerate(results_of(pool, function, listed, ahead), 1):
                if isinstance(result, int) and unit:
                    total += result
                    bar.update(task, note=f"{total} {unit}")
                bar.advance(task)
                if bar.disable and done * LOG_LINES // len(listed) > (done - 1) * LOG_LINES // len(listed):
                    print(f"{description}: {done} of {len(listed)}", flush=True)
                yield result
                del result  # not kept: results may be large
        except BrokenProcessPool as error:
            raise WorkerKilledError(
                f"{description}: a worker process was killed, most likely for want of memory: run again with a smaller "
                f"{VARIABLE} or compute.workers; what was finished is kept"
            ) from error


def results_of(
    pool: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int | None
) -> Iterator[Result]:
    """Apply a function to items in a pool; not by its ``map``, which hands over all items before it yields a result.

    Args:
        ahead: See :func:`process_all`.

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
def worker_pool(count: int) -> Iterator["Pool"]:
    """Yield a pool of processes that leave Ctrl-C, which reaches all processes of a terminal, to this one.

    Args:
        count: Number of processes.
    """
    with _processes(count, multiprocessing.get_context(START)) as pool:
        try:
            yield pool
        except (KeyboardInterrupt, GeneratorExit):  # the latter: whoever uses the results was interrupted
            for process in multiprocessing.active_children():
                process.terminate()  # else what is at work would be waited for
            raise
        except BaseException:
            pool.shutdown(cancel_futures=True)  # what is at work ends, nothing else begins
            raise


class Pool(ProcessPoolExecutor):
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


def _processes(count: int, context: BaseContext) -> Pool:
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
    cv2.setNumThreads(1)
    threadpool_limits(1)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
