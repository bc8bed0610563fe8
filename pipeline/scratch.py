"""Parts of a stage's work on disk, outside the graph, so that an interrupted stage goes on where it was."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from pipeline.workers import process_all

# Packages whose version decides what pixels come out.
PACKAGES = ("numpy", "opencv-python", "openslide-bin", "pillow", "scikit-image")

Item = TypeVar("Item")


def scratch_key(*facts: object) -> str:
    """Name a part after all that its content depends on: the given facts and the code.

    Args:
        *facts: Settings, checksums, names; anything whose ``repr`` says all.
    """
    return hashlib.sha256(repr((_code(), *facts)).encode()).hexdigest()[:24]


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
        job: A picklable function of an item and the path of its part, which it must write in one step (see
            :func:`pipeline.files.atomic`); it returns how many units it made.
        items: Key (see :func:`scratch_key`) and item.
        folder: Where the parts are kept. The stage removes it when its outputs are written.
        workers: Number of processes.
        description: What the progress display says.
        unit: What the numbers that ``job`` returns count.

    Returns:
        The parts in the order of ``items``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [folder / f"{key}.npz" for key, _ in items]
    todo = [(item, part) for (_, item), part in zip(items, parts, strict=True) if not part.is_file()]
    if len(todo) < len(items):
        print(f"{description}: {len(items) - len(todo)} of {len(items)} were finished before", flush=True)
    for _ in process_all(partial(_call, job), todo, workers, description, unit):
        pass
    return parts


def _call(job: Callable[[Item, Path], int], arguments: tuple[Item, Path]) -> int:
    return job(*arguments)


@cache
def _code() -> str:
    """The checksum of the whole library and the packages it computes with."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest() + " ".join(f"{name} {version(name)}" for name in PACKAGES)
