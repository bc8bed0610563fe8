"""Writing outputs: whole or not at all, the same bytes for the same content."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.errors import FULL, PipelineError

READ_BYTES = 1 << 22


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes ``path`` only if the block ends without an error.

    Works for a file and for a folder (the block creates either). What stood at ``path`` is replaced.

    Args:
        path: Where the finished file or folder shall be. Its parent is created.

    Yields:
        A sibling of ``path`` with the same suffix.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    remove(partial)
    try:
        yield partial
        if path.is_dir():
            remove(path)  # a folder cannot be replaced in one step, a file can
        os.replace(partial, path)
    except OSError as error:
        _name_output(error, partial, path)
        raise
    finally:
        remove(partial)


def _name_output(error: OSError, partial: Path, path: Path) -> None:
    """Let an error name the output: not its sibling for a moment, nor, as for a full disk, nothing at all."""
    if error.filename is not None:
        error.filename = str(error.filename).replace(str(partial), str(path))
    elif error.errno in FULL:
        error.filename = str(path)


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
        path: The file.
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


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture as PNG or JPEG.

    Args:
        path: The file, ending in ``.png`` or ``.jpg``.
        picture: uint8 of shape (H, W) or RGB of shape (H, W, 3).
    """
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 9] if path.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, 90]
    # Not by cv2.imwrite, which reports success when the disk is full.
    _, content = cv2.imencode(path.suffix, picture, options)
    with atomic(path) as partial:
        partial.write_bytes(content.tobytes())
