"""Reconstructions as pictures."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from pipeline.features.views import central_views, to_pixels


def reconstructed(
    images: np.ndarray, side: int, device: torch.device, network: Callable[[Tensor], Tensor]
) -> np.ndarray:
    """Reconstruct the central views of images, without gradients.

    Args:
        images: uint8 (N, H, W, C), memory-mapped or not.
        side: Of the view in pixels.
        device: Where to compute.
        network: Of views float32 (n, C, side, side) in [−1, 1] to the same.

    Returns:
        uint8 (N, side, side, C).
    """
    with torch.no_grad():
        views = central_views(images, np.arange(len(images)), side, device)
        made = [to_pixels(network(x)).numpy() for x in views]
    return np.concatenate(made) if made else np.empty((0, side, side, images.shape[3]), np.uint8)
