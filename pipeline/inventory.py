"""The inventory through which raw files enter the graph: name, bytes and checksum of each.

A collection of 700 GB or 112,120 files is not hashed by DVC at each run; its inventory is one small file. It
is made once; afterwards only files whose size or time of change differ are read again. The files inside a tar.gz
archive are listed as if the archive were a folder.
"""

import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.archives import is_archive, list_members
from pipeline.errors import PipelineError
from pipeline.files import atomic, md5, write_csv
from pipeline.stage import progress_bar

COLUMNS = ["path", "bytes", "md5"]
# Tables, lists and outlines are read again to see whether they changed; slides are too large for that.
SMALL = 2**20
READERS = 4  # more would make a spinning disk seek


def make_inventory(root: Path, csv: Path, scratch: Path) -> pd.DataFrame:
    """List the files of a collection and write the inventory if it changed.

    Args:
        root: The collection's folder, such as ``data/raw/nih``.
        csv: The inventory to write.
        scratch: A file outside the graph that remembers checksums by size and time of change.

    Returns:
        The inventory, sorted by path: ``path`` (relative, with forward slashes), ``bytes``, ``md5``.

    Raises:
        PipelineError: If the folder is missing or empty, or a file in it cannot be read.
    """
    if not root.is_dir():
        raise PipelineError(f"{root} is missing: put the collection there, or a link to it")
    # os.walk, since rglob stops at links, and big collections are often spread over disks by links.
    found = (Path(folder, name) for folder, _, names in os.walk(root, followlinks=True) for name in names)
    paths = sorted(file.relative_to(root).as_posix() for file in found if not file.name.startswith("."))
    if not paths:
        raise PipelineError(f"{root} is empty: see the README for the collection's layout")
    # path → mark of the file's state, checksum and, of an archive, the rows of its members
    known: dict[str, list[Any]] = json.loads(scratch.read_text()) if scratch.is_file() else {}

    def rows_of(path: str) -> list[tuple[str, int, str]]:
        try:
            status = (root / path).stat()
            mark = f"{status.st_size} {status.st_mtime_ns}"
            if known.get(path, [""])[0] != mark:
                checksum, members = list_members(root / path) if is_archive(path) else (md5(root / path), [])
                known[path] = [mark, checksum, members]
        except OSError as error:
            raise PipelineError(f"{root / path} cannot be read ({error.strerror}): repair or remove it") from error
        _, checksum, members = known[path]
        return [(path, status.st_size, checksum), *((f"{path}/{name}", size, md5) for name, size, md5 in members)]

    try:
        with progress_bar() as bar, ThreadPoolExecutor(READERS) as pool:
            task = bar.add_task(f"listing {root}", total=len(paths), note="")
            rows = [row for found in bar.track(pool.map(rows_of, paths), task_id=task) for row in found]
    finally:
        # Also when interrupted: what was read need not be read again.
        with atomic(scratch) as partial:
            partial.write_text(json.dumps({path: known[path] for path in paths if path in known}))
    inventory = pd.DataFrame(sorted(rows), columns=COLUMNS)
    if not csv.is_file() or not inventory.equals(read_inventory(csv)):
        write_csv(csv, inventory)
    return inventory


def read_inventory(csv: Path) -> pd.DataFrame:
    """Read an inventory.

    Raises:
        PipelineError: If it is missing or has other columns.
    """
    if not csv.is_file():
        raise PipelineError(f"{csv} is missing: run `make check-data`, which lists the collection's files")
    inventory = pd.read_csv(csv, dtype={"path": str, "md5": str}, keep_default_na=False)
    if list(inventory.columns) != COLUMNS:
        raise PipelineError(f"{csv}: expected the columns {', '.join(COLUMNS)}; run `make check-data` again")
    return inventory


def raw_file(root: Path, path: str) -> Path:
    """Return the path of a raw file, which must lie under the collection's folder.

    Args:
        root: The collection's folder.
        path: Relative path as a CSV or list gives it.

    Raises:
        PipelineError: If the path leaves the folder.
    """
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise PipelineError(f"{path!r} leaves the collection's folder {root}; only paths inside it are read")
    return root / path


def check_unchanged(root: Path, inventory: pd.DataFrame, paths: Iterable[str], by_content: bool = True) -> None:
    """Check that raw files are still those of the inventory, which is all that the graph knows of them.

    Args:
        root: The collection's folder.
        inventory: Its files.
        paths: Those that will be read.
        by_content: Whether small files are read to compare their checksums; too slow for very many.

    Raises:
        PipelineError: If one leaves the folder, is not listed, is gone, or has another size or, for small files,
            another content.
    """
    facts = zip(inventory["bytes"], inventory["md5"], strict=True)
    known = dict(zip(inventory["path"], facts, strict=True))
    for path in paths:
        file = raw_file(root, path)
        state = ""
        if path not in known:
            state = "is not in the inventory"
        elif not file.is_file():
            state = "is gone since it was listed"
        elif file.stat().st_size != known[path][0]:
            state = "has another size than when it was listed"
        elif by_content and file.stat().st_size <= SMALL and md5(file) != known[path][1]:
            state = "has another content than when it was listed"
        if state:
            raise PipelineError(f"{file} {state}: put it right or run `make check-data`")
