"""Items of work for a cluster, in a module that a worker imports at once."""

import contextlib
import os
import signal
import time
from pathlib import Path

import cv2
import numpy as np

from pipeline.compute.scratch import scratch_key
from pipeline.files import atomic

ITEMS = [(scratch_key(letter), letter) for letter in "abcdef"]


def square(number: int) -> int:
    return number * number


def place(_: int) -> tuple[str, int, int]:
    return os.getcwd(), os.getpid(), cv2.getNumThreads()  # noqa: PTH109


def environment(name: str) -> str | None:
    return os.environ.get(name)


def die_once(number: int) -> int:
    """Kill the process of item 5 when it is done for the first time."""
    with contextlib.suppress(FileExistsError):
        if number == 5:
            Path("died").touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
    return number


def begin(number: int) -> int:
    Path(f"begun-{number}").touch()
    return number


def begin_slowly(number: int) -> int:
    time.sleep(0.1)
    return begin(number)


def write_text(item: str, part: Path) -> int:
    with atomic(part) as unfinished:
        np.savez(unfinished, text=item, failed=False)
    return len(item)


def write_time(_: str, part: Path) -> int:
    return write_text(str(time.time()), part)


def write_slowly(item: str, part: Path) -> int:
    time.sleep(0.2)
    return write_text(item, part)


def die_at_c(item: str, part: Path) -> int:
    if item == "c":
        os.kill(os.getpid(), signal.SIGKILL)
    return write_text(item, part)


def write_elsewhere(item: str, part: Path) -> int:
    return write_text(item, part.with_name("elsewhere.npz"))


def fill_the_disk(item: str, part: Path) -> int:
    raise OSError(28, "No space left on device", str(part))


def write_atomically(item: str, part: Path) -> int:
    with atomic(part) as unfinished:
        with unfinished.open("wb") as file:
            time.sleep(0.1)  # the other may open it, too
            np.savez(file, text=item, failed=False)
        time.sleep(0.1)
    return 1
