"""Outputs: written whole or not at all, the same bytes for the same content; a damaged one is named when read."""

import csv
import hashlib
import io
import json
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.errors import FULL, PipelineError

READ_BYTES = 1 << 22
# How the name of what is being written begins; a worker of a cluster adds its own, see pipeline.compute.cluster_worker.
PARTIAL = ".partial-"


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes ``path`` only if the block ends without an error.

    Works for a file and for a folder (the block creates either). What stood at ``path`` is replaced, but never a folder
    by a file, nor a file by a folder.

    Args:
        path: Where the finished file or folder shall be. Its parent is created.

    Yields:
        A sibling of ``path`` with the same suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{PARTIAL}{path.name}")
    try:
        remove(partial)
        try:
            yield partial
            if path.is_dir() and partial.is_dir():
                remove(path)  # a folder cannot be replaced in one step, a file can
            os.replace(partial, path)
        finally:
            remove(partial)
    except OSError as error:
        _name_output(error, partial, path)
        raise


def _name_output(error: OSError, partial: Path, path: Path) -> None:
    """Let an error name the output: not its sibling for a moment, nor, as for a full disk, nothing at all."""
    if error.filename is not None:
        error.filename = str(error.filename).replace(str(partial), str(path))
    elif error.errno in FULL:
        error.filename = str(path)


def given_path(word: str) -> Path:
    """Return the path that a word of the command line names.

    Raises:
        PipelineError: If the word is empty, as an unset variable leaves it; it would name the current folder.
    """
    if not word.strip():
        raise PipelineError("a path is empty: name a file or folder, or . for this one")
    return Path(word)


def remove(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def md5(path: Path) -> str:
    """Return a file's checksum, which DVC's lock file also names it by."""
    with path.open("rb") as file:
        digest = hashlib.md5(usedforsecurity=False)
        while block := file.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON with sorted keys.

    Args:
        content: Nested dictionaries of JSON values.

    Raises:
        PipelineError: If a number is NaN or infinite, so that a broken metric fails its stage.
    """
    try:
        text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise PipelineError(f"{path}: a value is NaN or infinite; nothing was written") from error
    write_text(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text: UTF-8."""
    with atomic(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV: UTF-8, Unix line ends, no row numbers."""
    with atomic(path) as partial:
        table.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")


def read_text(path: Path, again: str) -> str:
    """Read a text that the pipeline wrote.

    Args:
        again: What makes it anew, as "run `dvc repro`".

    Raises:
        PipelineError: If it is missing or not UTF-8.
    """
    if not path.is_file():
        raise PipelineError(f"{path} is missing: {again}")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except UnicodeDecodeError as error:
        raise PipelineError(f"{path} is damaged, it is no text: {again}") from error


def read_json(path: Path, again: str) -> dict[str, Any]:
    """Read what :func:`write_json` wrote.

    Args:
        again: What makes it anew.

    Raises:
        PipelineError: If it is missing or holds no JSON object.
    """
    try:
        content = json.loads(read_text(path, again))
    except (ValueError, RecursionError) as error:
        raise PipelineError(f"{path} is damaged, it is no JSON: {again}") from error
    if not isinstance(content, dict):
        raise PipelineError(f"{path} is damaged, it holds no JSON object: {again}")
    return content


def read_csv(path: Path, columns: Sequence[str], texts: Collection[str], again: str) -> pd.DataFrame:
    """Read what :func:`write_csv` wrote; see :func:`parse_csv`.

    Args:
        columns: Those that it must have.
        texts: Those of its columns that are taken as they are.
        again: What makes it anew.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    return parse_csv(read_text(path, again), str(path), columns, texts, again)


def parse_csv(text: str, where: str, columns: Sequence[str], texts: Collection[str], again: str) -> pd.DataFrame:
    """Read the text of a table that the pipeline wrote.

    Args:
        text: CSV.
        where: The file, to be named in errors.
        columns: Those that it must have; more may be there.
        texts: Those that are taken as they are, so that a slide may be called NA or 001. All others hold numbers,
            those of ``columns`` in every row.
        again: What makes it anew.

    Raises:
        PipelineError: If it is no CSV, a row is longer or shorter than the header, or a column or number is missing.
    """
    content = text.encode()
    rows = (row for row in csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="\n"), strict=True) if row)
    try:
        header: list[str] = next(rows, [])
        ragged = [number for number, row in enumerate(rows, 1) if len(row) != len(header)]
    except csv.Error as error:
        raise PipelineError(f"{where} is damaged, it is no CSV: {again}") from error
    missing = [column for column in columns if column not in header]
    if missing:
        raise PipelineError(f"{where}: the column {missing[0]!r} is missing: {again}")
    if ragged:
        raise PipelineError(f"{where}: row {ragged[0]} does not have {len(header)} values: {again}")
    empty = {name: [""] for name in header if name not in texts}
    table = pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys(texts, str), keep_default_na=False, na_values=empty)
    named = [column for column in header if column in texts]
    for column in named[1:]:  # an id may stand in several of them: in memory once
        table[column] = table[named[0]].where(table[named[0]] == table[column], table[column])
    for column in [column for column in columns if column not in texts]:
        wrong = np.flatnonzero(~np.isfinite(pd.to_numeric(table[column], errors="coerce").to_numpy(float)))
        if len(wrong):
            raise PipelineError(f"{where}: row {wrong[0] + 1} has no number in {column!r}: {again}")
    return table


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture as PNG or JPEG.

    Args:
        path: The file, ending in ``.png`` or ``.jpg``.
        picture: uint8 of shape (H, W) or RGB of shape (H, W, 3).
    """
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    # level 9 takes ten times as long, for files that are little smaller
    options = [cv2.IMWRITE_PNG_COMPRESSION, 5] if path.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 90]
    # Not by cv2.imwrite, which reports success when the disk is full.
    _, content = cv2.imencode(path.suffix, picture, options)
    with atomic(path) as partial:
        partial.write_bytes(content.tobytes())
