"""Parts of a stage's work on disk, outside the graph, so that an interrupted stage goes on where it was."""

import hashlib
import zipfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from socket import gethostname
from typing import TypeVar

import numpy as np

from pipeline.compute.code_version import code_version
from pipeline.compute.workers import WorkerKilledError, process_all
from pipeline.errors import PipelineError

# Stands beside the part of an item while it is at work, so that one which kills its process can be named: its name, a
# line for each time that it was begun.
AT_WORK = ".at_work"

Item = TypeVar("Item")


def scratch_key(*facts: object) -> str:
    """Name a part after all that its content depends on: the given facts and the code.

    Args:
        *facts: Settings, checksums, names; anything whose ``repr`` says all.
    """
    return hashlib.sha256(repr((code_version(), *facts)).encode()).hexdigest()[:24]


def make_parts(
    job: Callable[[Item, Path], int],
    items: Sequence[tuple[str, Item]],
    folder: Path,
    workers: int,
    description: str,
    unit: str,
) -> list[Path]:
    """Make one part per item in several processes; parts that an interrupted run left behind are kept.

    Args:
        job: A picklable function of an item and the path of its part, an npz that it must write in one step (see
            :func:`pipeline.files.atomic`) and that holds ``failed``: whether the item could not be read. It returns
            how many units it made. Failed parts are made again, since the fault may have been a disk's.
        items: Key (see :func:`scratch_key`) and item.
        folder: Where the parts are kept. The stage removes it when its outputs are written.
        workers: Number of processes.
        description: What the progress display says.
        unit: What the numbers that ``job`` returns count.

    Returns:
        The parts in the order of ``items``.

    Raises:
        PipelineError: If a process was killed; it names the items that were at work, of those that were begun again
            and again alone.
    """
    return list(each_part(job, items, folder, workers, description, unit))


def each_part(
    job: Callable[[Item, Path], int],
    items: Sequence[tuple[str, Item]],
    folder: Path,
    workers: int,
    description: str,
    unit: str,
) -> Generator[Path]:
    """Yield each part of :func:`make_parts` when it is made, so that it is used while the others are being made."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [folder / f"{key}.npz" for key, _ in items]
    # By the folder's list: who asks for a file that another machine has yet to make may not see it for some time.
    there = {path.name for path in folder.iterdir()}
    whole = [part.name in there and is_whole(part) for part in parts]
    todo = [(item, part) for (_, item), part, done in zip(items, parts, whole, strict=True) if not done]
    if len(todo) < len(items):
        print(f"{description}: {len(items) - len(todo)} of {len(items)} were finished before", flush=True)
    for mark in folder.glob(f"*{AT_WORK}"):
        mark.unlink(missing_ok=True)
    try:
        with closing(process_all(partial(_call, job), todo, workers, description, unit)) as made:
            for part, done in zip(parts, whole, strict=True):
                if not done:
                    next(made)
                    _check_seen(part)
                yield part
            for _ in made:  # ends the processes, and the progress display
                pass
    except WorkerKilledError as error:
        raise PipelineError(f"{error}; at work were: {', '.join(_at_work(folder))}") from error


def _at_work(folder: Path) -> list[str]:
    """The items that were begun and not finished, those that were begun most often: a cluster begins one again."""
    begun = []
    for mark in folder.glob(f"*{AT_WORK}"):
        with suppress(FileNotFoundError):  # workers of a cluster go on, and have finished it meanwhile
            begun.append(mark.read_text(encoding="utf-8").splitlines())
    most = max(map(len, begun), default=0)
    return sorted({lines[0] for lines in begun if lines and len(lines) == most})


def _check_seen(part: Path) -> None:
    if not part.is_file():
        raise PipelineError(
            f"{part} was made by a worker but is not seen here: {part.parent} has to be one folder on all machines"
        )


def is_whole(part: Path) -> bool:
    """Whether a part is there, all of it is as it was written, and it is of an item that did not fail."""
    try:
        with zipfile.ZipFile(part) as archive, np.load(part, allow_pickle=False) as content:
            return archive.testzip() is None and not content["failed"]
    except Exception:  # numpy and zipfile raise anything on damaged files
        return False


def _call(job: Callable[[Item, Path], int], arguments: tuple[Item, Path]) -> int:
    item, part = arguments
    if not part.parent.is_dir():
        raise PipelineError(f"{part.parent} is not seen on {gethostname()}: it has to be one folder on all machines")
    mark = part.with_suffix(AT_WORK)
    with mark.open("a", encoding="utf-8") as lines:
        lines.write(" ".join(str(getattr(item, "name", part.stem)).split()) + "\n")
    made = job(item, part)
    mark.unlink(missing_ok=True)
    return made
