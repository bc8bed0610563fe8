"""Files of tensors: the same bytes for the same content, and read without running anything that stands in them."""

import io
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from pipeline.files import atomic


class NotTensorsError(RuntimeError):
    """A file that holds no tensors, or is cut short."""


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write tensors, numbers and texts.

    Args:
        content: What :func:`read_tensors` shall return.
    """
    with atomic(path) as partial:
        partial.write_bytes(to_bytes(content))


def to_bytes(content: dict[str, Any]) -> bytes:
    """Return what :func:`write_tensors` writes."""
    # torch.save writes the file's name into the file, and on a full disk raises no OSError; a buffer has neither fault.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def read_tensors(source: Path | BinaryIO) -> Any:
    """Read what ``torch.save`` wrote, onto the CPU.

    Raises:
        FileNotFoundError: If the file is missing.
        NotTensorsError: If it is cut short, or holds anything else than tensors, numbers and texts; it says so.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            return torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises anything on damaged files
        if isinstance(error, OSError) and error.filename is not None:
            raise
        # What torch says is not passed on: it advises to load the file unsafely, or to file an issue.
        raise NotTensorsError("it is damaged, or holds more than tensors, numbers and texts") from error


def read_safetensors(source: Path) -> dict[str, Tensor]:
    """Read a file of safetensors, onto the CPU.

    Raises:
        FileNotFoundError: If the file is missing.
        NotTensorsError: If it is damaged, or of something else.
    """
    from safetensors import SafetensorError  # noqa: PLC0415  (only some backbones are published so)
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return dict(load_file(source))
    except SafetensorError as error:
        raise NotTensorsError("it is damaged, or no file of safetensors") from error
