"""Features and distances of patches, the positions of a layer's map."""

from collections.abc import Iterable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torch.nn.functional import interpolate


def on_first_grid(layers: list[Tensor], mode: str) -> Tensor:
    """Resample layers to the grid of the first one and stack their channels.

    Args:
        layers: Each (n, C, h, w).
        mode: ``nearest`` or ``bilinear``.

    Returns:
        (n, sum of C, h, w) of the first layer's h and w.
    """
    grid = layers[0].shape[2:]
    return torch.cat([layer if layer.shape[2:] == grid else interpolate(layer, grid, mode=mode) for layer in layers], 1)


def smooth_map(distances: Tensor, shape: tuple[int, int], sigma: float) -> np.ndarray:
    """Upsample the distances of patches to the network's input and blur them (PaDiM, PatchCore).

    Args:
        distances: (n, h, w).
        shape: Height and width of the input in pixels.
        sigma: Standard deviation of the blur in pixels of the input; 0 for none.

    Returns:
        float32 (n, H, W).
    """
    upsampled = interpolate(distances.float().unsqueeze(1), shape, mode="bilinear").squeeze(1).cpu().numpy()
    blurred: np.ndarray = gaussian_filter(upsampled, sigma, axes=(1, 2)) if sigma else upsampled
    return blurred


def resized_maps(maps: Iterable[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Bring maps from the size of the network's input to that of the images.

    Args:
        maps: Batches of float32 (n, h, w).
        shape: Height and width of what is scored of an image.

    Returns:
        float32 (N, H, W).
    """
    parts = [
        interpolate(torch.from_numpy(part).unsqueeze(1), shape, mode="bilinear", antialias=True).squeeze(1).numpy()
        for part in maps
    ]
    return np.concatenate(parts) if parts else np.empty((0, *shape), np.float32)
