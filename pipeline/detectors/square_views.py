"""What networks of one size see of images: a central square, batch after batch."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import PipelineError
from pipeline.features.views import central_views


def square_side(images: np.ndarray, image_channels: int, side: int | None, name: str) -> int:
    """Return the side in pixels of the square that is seen of each image.

    Args:
        images: uint8 (N, H, W, C).
        image_channels: 1 or 3.
        side: As it is set; None for whole images.
        name: The detector's, for messages.

    Raises:
        PipelineError: If the images have other channels, are smaller than the square, or are no squares themselves.
    """
    height, width, channels = images.shape[1:]
    if channels != image_channels:
        raise PipelineError(f"images of {channels} channels do not fit the network, which takes {image_channels}")
    if side is None and height != width:
        raise PipelineError(f"images of {height}×{width} px are not square: set detectors.{name}.side")
    if side is not None and min(height, width) < side:
        raise PipelineError(f"images of {height}×{width} px are smaller than detectors.{name}.side, {side}")
    return side or height


class SquareSettings(Protocol):
    """Settings of a network of one size."""

    @property
    def side(self) -> int | None:
        """As it is set; None for whole images."""

    def fault(self, side: int) -> str | None:
        """Say why the network does not take squares of this side; nothing where it does."""


def trained_side(side: Any, settings: SquareSettings) -> int:
    """Return the side in pixels of what a network was trained on, which a model's file names.

    Raises:
        ValueError: If it cannot be that.
    """
    if type(side) is not int or side <= 0 or settings.side not in (None, side) or settings.fault(side):
        raise ValueError(f"the network cannot have been trained on {side} px")
    return side


def check_trained_side(images: np.ndarray, image_channels: int, side: int | None, trained: int, name: str) -> None:
    """Check that images are seen as those that a network was trained on, see :func:`square_side`.

    Args:
        trained: Side in pixels of what the network was trained on.

    Raises:
        PipelineError: If they are others.
    """
    if square_side(images, image_channels, side, name) != trained:
        raise PipelineError(f"images of {images.shape[1]} px do not fit the network, which was trained on {trained} px")


def over_views(
    images: np.ndarray, rows: np.ndarray, side: int, device: torch.device, value: Callable[[Tensor], Tensor]
) -> np.ndarray:
    """Compute a number of each image, without gradients.

    Args:
        images: uint8 (N, H, W, C), memory-mapped or not.
        rows: Which ones.
        side: Of the view in pixels.
        device: Where to compute.
        value: Of views float32 (n, C, side, side) in [−1, 1] to (n,).

    Returns:
        float64 (rows,).
    """
    with torch.no_grad():
        values = [value(views).cpu().double().numpy() for views in central_views(images, rows, side, device)]
    return np.concatenate(values) if values else np.empty(0)
