"""What shall be scored: files, folders and CSVs that name files."""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.data.collection_csv import read_rows, refuse_paths, refuse_values
from pipeline.data.inventory import UNWRITABLE, raw_file
from pipeline.errors import PipelineError

COLUMN, GROUP = "path", "group"


@dataclass(frozen=True)
class Input:
    """One file.

    Attributes:
        name: What results call it: its path below the folder or CSV that was named, behind that one's name; its own
            name if it was named itself.
        path: Where it is.
        group: Whose it is, as the column ``group`` of a CSV says; empty where nothing does. Of normals, one of each
            group counts.
    """

    name: str
    path: Path
    group: str = ""


def find_inputs(named: Sequence[Path], recursive: bool, out: Path) -> list[Input]:
    """List all files to be scored, each once, whatever leads to it.

    Args:
        named: Files, folders, and CSVs with a column ``path``, relative to the CSV's folder.
        recursive: Whether folders inside of folders are looked into.
        out: The folder of the results. What lies in it is left out with a warning, since an earlier run made it.

    Returns:
        In the order of their names. What is no picture is among them, and fails by itself.

    Raises:
        PipelineError: If one is missing, a CSV is wrong, or there are none.
    """
    found: dict[Path, Input] = {}
    for one in [one for word in named for one in _inputs_of(word, recursive)]:
        found.setdefault(_real(one.path), one)
    results = [path for path in found if path.is_relative_to(_real(out))]
    for path in results:
        del found[path]
    if results:
        print(f"warning: left out {len(results)} files in {out}, the folder of the results", file=sys.stderr)
    names = Counter(one.name for one in found.values())
    # Of two with one name, the paths tell which is which.
    told = [one if names[one.name] == 1 else replace(one, name=one.path.as_posix()) for one in found.values()]
    inputs = sorted(told, key=lambda one: one.name)
    if not inputs:
        own = f" but those in {out}, the folder of the results" if results else ""
        raise PipelineError(f"there are no files in {', '.join(map(str, named))}{own}: name files, or use --recursive")
    return inputs


def _is_waited_for(path: Path) -> bool:
    """Whether a path is that of a pipe or the like, whose reader waits for ever."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))  # noqa: PTH110, PTH112, PTH113


def _real(path: Path) -> Path:
    """Where a path leads; not by its ``resolve``, which stops at links that lead to each other."""
    return Path(os.path.realpath(path))


def _inputs_of(word: Path, recursive: bool) -> Iterator[Input]:
    if word.is_dir():
        files = sorted(word.rglob("*") if recursive else word.iterdir())
        yield from (Input(f"{word.name}/{_below(file, word)}", file) for file in _writable(files) if file.is_file())
    elif not word.is_file():
        raise PipelineError(f"{word} is missing: name a file, a folder or a CSV with the column {COLUMN}")
    elif word.suffix.lower() == ".csv":
        rows = read_rows(word, [COLUMN])
        paths = rows[COLUMN]
        refuse_paths(paths, word)
        refuse_values(paths, paths.str.contains(UNWRITABLE), word, "is a name that no list can hold: rename it")
        refuse_values(
            paths, paths.map(lambda path: _is_waited_for(word.parent / path)), word, "is no file: leave it out"
        )
        groups = rows[GROUP] if GROUP in rows else [""] * len(rows)
        for row, path, group in zip(rows.index, paths, groups, strict=True):
            yield Input(f"{word.stem}/{path}", raw_file(word.parent, path, f"{word}, row {row}"), group)
    else:
        yield Input(word.name, word)


def _below(file: Path, folder: Path) -> str:
    return file.relative_to(folder).as_posix()


def _writable(files: Iterable[Path]) -> Iterator[Path]:
    for file in files:
        if UNWRITABLE.search(str(file)):
            raise PipelineError(f"{str(file)!r} has a name that no list can hold: rename it")
        yield file
