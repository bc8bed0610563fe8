"""Files of tensors: the same bytes for the same content, and read without running anything that stands in them."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from pipeline.files import atomic


class NotTensorsError(RuntimeError):
    """A file that holds no tensors, or is cut short."""


def write_tensors(path: Path, content: dict[str, Any]) -> None:
    """Write tensors, numbers and texts.

    Args:
        path: The file.
        content: What :func:`read_tensors` shall return.
    """
    # torch.save writes the file's name into the file, and on a full disk raises no OSError; a buffer has neither fault.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic(path) as partial:
        partial.write_bytes(buffer.getvalue())


def read_tensors(path: Path) -> Any:
    """Read what ``torch.save`` wrote, onto the CPU.

    Raises:
        FileNotFoundError: If the file is missing.
        NotTensorsError: If it is cut short, or holds anything else than tensors, numbers and texts.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except (RuntimeError, KeyError, ValueError, EOFError, OSError, pickle.UnpicklingError) as error:
        raise NotTensorsError(str(error).splitlines()[0] if str(error) else "it is cut short") from error
