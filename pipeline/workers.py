"""A process pool whose results do not depend on the number of processes."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import cv2
from threadpoolctl import threadpool_limits

from pipeline.stage import progress_bar

Item = TypeVar("Item")
Result = TypeVar("Result")


def process_all(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, description: str
) -> Iterator[Result]:
    """Apply a function to items in several processes, showing progress.

    Every process computes with one thread: with several, numpy and OpenCV are slower on arrays of this size, and
    sums could depend on the number of cores.

    Args:
        function: A picklable pure function of one item.
        items: The items.
        workers: Number of processes.
        description: What the progress display says.

    Yields:
        The results in the order of the items.
    """
    listed = list(items)
    # spawn: a fork after torch or OpenCV started threads can deadlock
    context = multiprocessing.get_context("spawn")
    with (
        progress_bar() as bar,
        ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool,
    ):
        task = bar.add_task(description, total=len(listed), note="")
        for result in pool.map(function, listed):
            bar.advance(task)
            yield result


def _one_thread() -> None:
    cv2.setNumThreads(1)
    threadpool_limits(1)
