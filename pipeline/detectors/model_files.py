"""Files of fitted detectors, whose damage is one sentence that says what to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pipeline.compute.tensor_files import NotTensorsError, read_tensors, write_tensors
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError


def write_model(
    path: Path, settings: DetectorSettings, image_channels: int, preparation: dict[str, Any], **learnt: Any
) -> None:
    """Write what a detector is made of and what it learnt; :func:`opened_model` gives it back.

    Args:
        path: The model's file.
        settings: Written as :meth:`DetectorSettings.in_model` says.
        image_channels: 1 or 3.
        preparation: How its images were made.
        **learnt: Tensors, numbers and texts.
    """
    content = {
        "settings": settings.in_model(),
        "image_channels": image_channels,
        "preparation": preparation,
    }
    write_tensors(path, content | learnt)


@contextmanager
def opened_model(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the content of a model's file; whatever the block cannot make a detector of is said to be no whole model.

    Raises:
        PipelineError: If the file is missing, cut short or of something else.
    """
    try:
        content = read_tensors(path)
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing: train the arm first") from error
    except NotTensorsError as error:
        raise PipelineError(f"{path} is not a whole model, {error}: train again") from error
    try:
        content = dict(content)
        if type(content["image_channels"]) is not int or content["image_channels"] not in (1, 3):
            raise ValueError("images have one channel or three")
        yield content
    except (PipelineError, torch.OutOfMemoryError):
        raise
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{path} is not a whole model of this version: train again") from error


def tensor_of(content: Mapping[str, Any], name: str, dtype: torch.dtype, *shape: int | None) -> Tensor:
    """Return a tensor of a model's content.

    Args:
        content: See :func:`opened_model`.
        name: The tensor's.
        dtype: What it has to be of.
        *shape: What it has to have; None for any number from 1 on.

    Raises:
        ValueError: If it is something else, or holds numbers that are not finite.
    """
    value = content[name]
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.dtype != dtype or value.requires_grad:
        raise ValueError(f"{name} is not a plain tensor of {dtype}")
    sizes = zip(value.shape, shape, strict=True)
    if not all(found and wanted in (None, found) for found, wanted in sizes) or not value.isfinite().all():
        raise ValueError(f"{name} is not of finite numbers in the shape {shape}")
    return value


def check_backbone(path: Path, name: str, checksum: str, content: dict[str, Any]) -> None:
    """Check that a model is to score with the weights that it was fitted with.

    Args:
        path: The model's file.
        name: The backbone's.
        checksum: Of the weights at hand.
        content: The model's, with ``backbone_checksum``.

    Raises:
        PipelineError: If they are others.
    """
    if content["backbone_checksum"] != checksum:
        raise PipelineError(f"{path} was trained with other weights of {name}: train again")
