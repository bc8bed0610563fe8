"""What a worker of a Dask cluster does: an item at a time, if it is fit for those of the process that gives it."""

import ctypes
import os
import pickle
import platform
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pipeline import files
from pipeline.compute.code_version import library_checksum, package_versions
from pipeline.compute.workers import SCHEDULER, compute_with_one_thread
from pipeline.errors import PipelineError
from pipeline.layout import SCRATCH

if TYPE_CHECKING:
    from distributed import Worker

# Options of glibc's mallopt, and the highest values that it comes to by itself, in bytes.
TRIM_THRESHOLD, MMAP_THRESHOLD = (-1, 64 * 2**20), (-3, 32 * 2**20)
TOKENS = SCRATCH / "cluster"
HELP = "see docs/scaling.md"


@dataclass(frozen=True)
class Lead:
    """What a worker must have in common with the process that gives it items.

    Attributes:
        folder: Where that process runs.
        token: The name and content of a file that it wrote there.
        python: The version.
        packages: See :func:`pipeline.compute.code_version.package_versions`.
        code: The checksum of the library.
    """

    folder: str
    token: str
    python: str
    packages: tuple[str, ...]
    code: str


def begin() -> None:
    """Nothing; who can be told to do it has this module."""


def run_item(lead: Lead, call: bytes) -> Any:
    """Do an item, in a worker.

    Args:
        lead: Whose it is.
        call: The pickled function with its arguments: the scheduler, which looks into what it passes on, needs not
            import what they are of.

    Raises:
        PipelineError: If this worker must not do it.
    """
    from distributed import get_worker  # noqa: PLC0415

    if different := difference_of(lead, get_worker()):
        raise PipelineError(different)
    os.chdir(lead.folder)
    os.environ.pop(SCHEDULER, None)  # an item that waited for others could wait for ever
    function = pickle.loads(call)  # noqa: S301  (by the leading process, as is this very task)
    compute_with_one_thread()
    keep_freed_memory()
    return function()


@cache
def keep_freed_memory() -> None:
    """Let memory that was freed serve again, where the C library can be told.

    Dask starts its workers so that they return it to the system at once; each image of a megabyte would then be of new
    pages, which takes a fifth of the time of a thumbnail.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        for option in (TRIM_THRESHOLD, MMAP_THRESHOLD):
            mallopt(*option)


def difference_of(lead: Lead, dask_worker: "Worker") -> str:
    """Say why a worker must not do a lead's items, naming it, or nothing.

    Args:
        dask_worker: The worker in which this is called; Dask knows the argument by this name.
    """
    different = _difference(lead, dask_worker.state.nthreads)
    return different and f"the worker {dask_worker.address} on {gethostname()} {different}, {HELP}"


@cache
def _difference(lead: Lead, threads: int) -> str:
    if threads != 1:
        return f"has {threads} threads: start it with `--nthreads 1`"
    if platform.python_version() != lead.python:
        return f"runs Python {platform.python_version()}, but the leading process {lead.python}: use one environment"
    try:
        other = sorted({*package_versions()} - {*lead.packages})
    except PackageNotFoundError as error:
        other = [f"no {error.name}"]
    if other:
        return f"has {', '.join(other)}, unlike the leading process: use one environment"
    if library_checksum() != lead.code:
        return "has other code than the leading process: start it again, in the same repository"
    with suppress(OSError):
        if Path(lead.folder, TOKENS, lead.token).read_text(encoding="utf-8") == lead.token:
            # A worker that was given up may still be at an item that another one does again.
            files.PARTIAL = f".partial-{uuid4().hex[:8]}-"
            return ""
    return f"does not see {lead.folder} as it is here: all machines have to share it, at the same path"
