"""The inventory through which raw files enter the graph: name, bytes and checksum of each.

A collection of 700 GB or 112,120 files is not hashed by DVC at each run; its inventory is one small file. It
is made once; afterwards only files whose size or time of change differ are read again. The files inside a tar.gz
archive are listed as if the archive were a folder.
"""

import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, NoReturn

import pandas as pd
from pydantic import Field, TypeAdapter, ValidationError

from pipeline import layout
from pipeline.compute.progress import progress_bar
from pipeline.compute.workers import on_cluster, results_of, worker_pool
from pipeline.data.archives import is_archive, list_members
from pipeline.errors import PipelineError
from pipeline.files import atomic, md5, read_csv

COLUMNS = ["path", "bytes", "md5"]
EMPTY = hashlib.md5(usedforsecurity=False).hexdigest()  # of a file without content, which is no copy of another one
# Checksums by size and time of change, one file per collection, outside the graph.
SCRATCH = layout.SCRATCH / "inventory"
# Tables, lists and outlines are read again to see whether they changed; slides are too large for that while their time
# of change is the remembered one.
SMALL = 2**20
WARNINGS = 20  # shown of many
READERS = 4  # more would make a spinning disk seek
CHUNK = 16  # files that a worker of a cluster reads at a time; others are interrupted after every file
AHEAD = 1000  # of these that are handed out at a time, so that memory does not grow with all
# What no list can hold: control characters, and what stands for the bytes of a name that is not UTF-8.
UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# Path → mark of the file's state, checksum and, of an archive, the rows of its members.
Checksum = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Remembered = tuple[str, Checksum, tuple[tuple[str, Annotated[int, Field(ge=0)], Checksum], ...]]
Known = dict[str, Remembered]


def make_inventory(root: Path, csv: Path, scratch: Path) -> pd.DataFrame:
    """List the files of a collection and write the inventory if it changed.

    Args:
        root: The collection's folder, such as ``data/raw/nih``.
        csv: The inventory to write.
        scratch: A file outside the graph that remembers checksums by size and time of change.

    Returns:
        The inventory, sorted by path: ``path`` (relative, with forward slashes), ``bytes``, ``md5``. What is no
        regular file, or has a name that no list can hold, is passed over with a warning.

    Raises:
        PipelineError: If the folder is missing or empty, or a file in it cannot be read.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing: put the collection there, or a link to it")
    paths, passed_over = find_files(root)
    _warn(passed_over)
    if not paths:
        raise PipelineError(f"{root} is empty: see the README for the collection's layout")
    inventory = pd.DataFrame(_rows(root, paths, scratch), columns=COLUMNS)
    write_inventory(csv, inventory)
    return inventory


@dataclass(frozen=True)
class ListJob:
    """Reads some files of a collection; travels to the workers of a cluster.

    Attributes:
        root: The collection's folder.
    """

    root: Path

    def __call__(self, files: Sequence[tuple[str, str]]) -> list[tuple[int, Remembered | None]]:
        """Read those that changed.

        Args:
            files: Path and mark that is remembered, empty where none is.

        Returns:
            The bytes of each, and what is to be remembered of it, None where that is known.

        Raises:
            PipelineError: If one cannot be read.
        """
        return [self._read(path, known) for path, known in files]

    def _read(self, path: str, known: str) -> tuple[int, Remembered | None]:
        file = self.root / path
        try:
            status = file.stat()
            if (mark := _mark(status)) == known:
                return status.st_size, None
            checksum, members = list_members(file) if is_archive(path) else (md5(file), [])
        except OSError as error:
            raise PipelineError(f"{file} cannot be read ({error.strerror}): repair or remove it") from error
        _check_members(file, [name for name, _, _ in members])
        return status.st_size, (mark, checksum, tuple(members))


def _rows(root: Path, paths: list[str], scratch: Path) -> list[tuple[str, int, str]]:
    """Read what changed since it was read before; the rows of the inventory, sorted."""
    remembered = _read_scratch(scratch)
    known = {path: remembered.pop(path) for path in paths if path in remembered}
    rows: list[tuple[str, int, str]] = []
    count = CHUNK if on_cluster() else 1
    chunks = (paths[start : start + count] for start in range(0, len(paths), count))
    files = ([(path, known[path][0] if path in known else "") for path in chunk] for chunk in chunks)
    what = f"listing {root}"
    try:
        with progress_bar() as bar, _readers(what) as pool:
            task = bar.add_task(what, total=len(paths), note="")
            read = chain.from_iterable(results_of(pool, ListJob(root), files, AHEAD))
            for path, (size, new) in zip(paths, bar.track(read, task_id=task), strict=True):
                if new:
                    known[path] = new
                _, checksum, members = known[path]
                rows.append((path, size, checksum))
                rows += [(f"{path}/{name}", bytes_, md5) for name, bytes_, md5 in members]
        return sorted(rows)
    finally:
        # Also when interrupted: what was read need not be read again.
        with atomic(scratch) as unfinished, unfinished.open("w", encoding="utf-8") as file:
            # piece by piece: as one text it would be as large as the rows themselves
            json.dump({path: known[path] for path in paths if path in known}, file)


@contextmanager
def _readers(what: str) -> Iterator[Executor]:
    """Yield the workers of a cluster, else threads, which compute checksums as well as processes do."""
    if on_cluster():
        with worker_pool(READERS, what) as workers:
            yield workers
        return
    with ThreadPoolExecutor(READERS) as threads:
        try:
            yield threads
        except BaseException:
            threads.shutdown(cancel_futures=True)  # what is being read is, nothing else
            raise


def write_inventory(csv: Path, inventory: pd.DataFrame) -> None:
    """Write an inventory, unless the file holds it already."""
    content = io.BytesIO()  # not a text, which takes four times the memory
    inventory.to_csv(content, index=False, lineterminator="\n", mode="wb")
    if not csv.is_file() or csv.read_bytes() != content.getbuffer():
        with atomic(csv) as unfinished:
            unfinished.write_bytes(content.getbuffer())


def find_files(root: Path) -> tuple[list[str], list[str]]:
    """Find the regular files below a folder, also behind links, since big collections are spread over disks by links.

    A folder is walked once, whatever leads to it, so that links which lead upwards come to an end: by its own path if
    it has one below the root, else by the first link in the order of names.

    Returns:
        Their paths, sorted, and what was passed over and why.

    Raises:
        PipelineError: If a folder cannot be read.
    """
    files: list[str] = []
    passed_over: list[str] = []
    seen: set[tuple[int, int]] = set()
    starts = [root]
    while starts:
        for folder, folders, names in os.walk(starts.pop(0), onerror=_refuse):
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                passed_over.append(f"{folder!r}, whose files are listed already, by another path")
                folders.clear()
                continue
            seen.add((status.st_dev, status.st_ino))
            nameless = [name for name in (*folders, *names) if UNWRITABLE.search(name)]
            passed_over += [f"{str(Path(folder, name))!r}, whose name no list can hold" for name in sorted(nameless)]
            folders[:] = sorted(set(folders) - set(nameless))
            starts += [Path(folder, name) for name in folders if Path(folder, name).is_symlink()]
            inner = Path(folder).relative_to(root).as_posix()
            for name in (name for name in sorted(set(names) - set(nameless)) if name[0] != "."):
                if Path(folder, name).is_file():
                    files.append(name if inner == "." else f"{inner}/{name}")
                else:
                    passed_over.append(f"{str(Path(folder, name))!r}, which is no file, or a link to none")
    return sorted(files), passed_over


def _refuse(error: OSError) -> NoReturn:
    raise PipelineError(f"{error.filename} cannot be read ({error.strerror}): repair or remove it") from error


def _warn(passed_over: list[str]) -> None:
    for what in passed_over[:WARNINGS]:
        print(f"warning: passed over {what}", file=sys.stderr, flush=True)
    if len(passed_over) > WARNINGS:
        print(f"warning: passed over {len(passed_over) - WARNINGS} more", file=sys.stderr, flush=True)


def _read_scratch(scratch: Path) -> Known:
    if not scratch.is_file():
        return {}
    try:
        return TypeAdapter(Known, config={"cache_strings": False}).validate_json(scratch.read_bytes())
    except ValidationError:
        print(f"warning: {scratch} is damaged: all files are read again", file=sys.stderr, flush=True)
        return {}


def _mark(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns}"


def _check_members(archive: Path, names: Iterable[str]) -> None:
    for name in names:
        if UNWRITABLE.search(name):
            raise PipelineError(f"{archive} holds {name!r}, a name that no list can hold: pack it anew without")


def read_inventory(csv: Path) -> pd.DataFrame:
    """Read an inventory.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    return read_csv(csv, COLUMNS, ("path", "md5"), "run `make check-data`, which lists the collection's files")


def raw_file(root: Path, path: str, where: str = "") -> Path:
    """Return the path of a raw file, which must lie under the collection's folder.

    Args:
        root: The collection's folder.
        path: Relative path as a CSV or list gives it.
        where: The file and row that give it, to name them in an error.

    Raises:
        PipelineError: If the path leaves the folder.
    """
    if Path(path).is_absolute() or ".." in Path(path).parts:
        begun = f"{where}: " if where else ""
        raise PipelineError(f"{begun}{path!r} leaves the collection's folder {root}; only paths inside it are read")
    return root / path


def check_unchanged(root: Path, inventory: pd.DataFrame, paths: Iterable[str], by_content: bool = True) -> None:
    """Check that raw files are still those of the inventory, which is all that the graph knows of them.

    Args:
        root: The collection's folder.
        inventory: Its files.
        paths: Those that will be read.
        by_content: Whether small files are read to compare their checksums; too slow for very many. Files whose time of
            change is another than the scratch of the inventory remembers always are.

    Raises:
        PipelineError: If one leaves the folder, is not listed, is gone, or has another size or another content.
    """
    remembered = _read_scratch(SCRATCH / f"{root.name}.json")
    sizes, checksums = inventory["bytes"].to_numpy(), inventory["md5"].array
    row_of = {path: row for row, path in enumerate(inventory["path"])}
    unknown = 0
    for path in paths:
        file, row = raw_file(root, path), row_of.get(path)
        state = ""
        if row is None:
            state = "is not in the inventory"
        elif not file.is_file():
            state = "is gone since it was listed"
        elif (status := file.stat()).st_size != sizes[row]:
            state = "has another size than when it was listed"
        else:
            small = status.st_size <= SMALL
            doubted = path in remembered and remembered[path][:2] != (_mark(status), checksums[row])
            if doubted and not small:
                print(f"{file}: not the time of change that is remembered, comparing its content", flush=True)
            if (doubted or (by_content and small)) and md5(file) != checksums[row]:
                state = "has another content than when it was listed"
            unknown += by_content and not small and path not in remembered
        if state:
            raise PipelineError(f"{file} {state}: put it right or run `make check-data`")
    if unknown:
        # Not read here: 700 GB take an hour, and several stages would.
        print(
            f"{root}: of {unknown} large files no time of change is remembered, so only their sizes were compared: "
            "`make check-data` reads them",
            flush=True,
        )
