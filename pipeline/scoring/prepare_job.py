"""What worker processes do: read and prepare image files. They import no network, which takes seconds and memory."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.data.stain import TooLittleStainError
from pipeline.errors import LONGEST, PipelineError
from pipeline.files import atomic
from pipeline.scoring.inputs import Input

LARGEST_FILE = 256 * 2**20


class Preparing(Protocol):
    """How images of a kind of data are made, see ``preparation.py`` of each."""

    image: str
    unit: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: height, width, channels."""
        ...

    def prepare(self, content: bytes, name: str) -> np.ndarray:
        """Make an image uint8 (H, W, C) of a file."""
        ...


@dataclass(frozen=True)
class PrepareJob:
    """Reads and prepares some files; travels to the worker processes."""

    preparation: Preparing

    def __call__(self, inputs: Sequence[Input], part: Path) -> int:
        """Write a part: ``images`` uint8 (n, H, W, C) of the files that could be read, ``reasons`` and ``md5`` of all.

        Returns:
            The number of files.
        """
        images, reasons, checksums = [], [], []
        for one in inputs:
            checksum, reason = "", ""
            try:
                content = content_of(one)
                checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
                images.append(self.preparation.prepare(content, one.path.name))
            except (PipelineError, TooLittleStainError) as error:
                reason = str(error)
            reasons.append(reason)
            checksums.append(checksum)
        with atomic(part) as unfinished:
            whole = np.stack(images) if images else np.empty((0, 1, 1, 1), np.uint8)
            np.savez(unfinished, images=whole, reasons=np.array(reasons, str), md5=np.array(checksums), failed=False)
        return len(inputs)


def content_of(one: Input) -> bytes:
    """Read a file.

    Raises:
        PipelineError: If it cannot be read, is too large for an image, or is something that lies beside images.
    """
    if one.path.name.startswith("._"):
        raise PipelineError(f"{one.name} is what macOS keeps beside a file, no image: leave it out")
    if one.path.name.upper() == "DICOMDIR":
        raise PipelineError(f"{one.name} lists DICOM files and is none: name their folder")
    try:
        if one.path.stat().st_size > LARGEST_FILE:
            raise PipelineError(f"{one.name} has more than {LARGEST_FILE // 2**20} MB: is it a slide?")
        return one.path.read_bytes()
    except OSError as error:
        name = one.name if len(one.name) <= LONGEST else f"{one.name[:LONGEST]}…"  # a CSV can name anything
        raise PipelineError(f"{name} cannot be read ({error.strerror}): see to its permissions and disk") from error
