"""Features on disk, outside the graph, so that detectors and seeds that see alike compute them once."""

import hashlib
import io
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from pipeline.files import atomic

MOST = 8 * 2**30  # bytes in the folder; the files that were not read for longest go first
CHECKSUM = 32  # bytes


def kept(folder: Path | None, key: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Read an array that was made before, or make and keep it.

    Args:
        folder: Where arrays are kept; None keeps none.
        key: All that the array depends on, see :func:`pipeline.compute.scratch.scratch_key`.
        make: Makes the array.
    """
    if folder is None:
        return make()
    path = folder / f"{key}.npy"
    found = _read(path)
    if found is None:
        found = make()
        _write(path, found)
        _remove_oldest(folder)
    return found


def _read(path: Path) -> np.ndarray | None:
    """Read a whole file; one that is missing or damaged is None."""
    try:
        content = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    if hashlib.sha256(content[CHECKSUM:]).digest() != content[:CHECKSUM]:
        return None
    array: np.ndarray = np.load(io.BytesIO(content[CHECKSUM:]), allow_pickle=False)
    return array


def _write(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    content = buffer.getvalue()
    # Another process may make the same at the same time: whoever comes second finds its file renamed by the first.
    with suppress(FileNotFoundError), atomic(path) as partial:
        partial.write_bytes(hashlib.sha256(content).digest() + content)


def _remove_oldest(folder: Path) -> None:
    files = []
    for path in folder.glob("[!.]*.npy"):
        with suppress(FileNotFoundError):  # another process removes them, too
            files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
    files.sort()
    size = sum(file[1] for file in files)
    for _, one, path in files[:-1]:
        if size <= MOST:
            return
        path.unlink(missing_ok=True)
        size -= one
