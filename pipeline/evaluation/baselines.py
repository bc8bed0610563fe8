"""Scores that need no training of a network: what a detector has to beat before its figure means anything.

A difference of colour or exposure alone can separate the tissue of two laboratories or the films of two machines.
"""

from collections.abc import Callable

import numpy as np
from sklearn.covariance import LedoitWolf


def mean_intensity(pixels: np.ndarray, side: int) -> np.ndarray:
    """Mean grey level of what the detector is shown of each image.

    Args:
        pixels: uint8 (N, H, W, C).
        side: Side of the central square that is scored.

    Returns:
        float64 (N,), 0–255.
    """
    return np.array([image.mean() for image in _centre(pixels, side)], dtype=np.float64)


def colour_statistics(training: np.ndarray, rows: np.ndarray, side: int) -> Callable[[np.ndarray], np.ndarray]:
    """Learn how the colours of normal images are spread.

    Args:
        training: uint8 (N, H, W, C).
        rows: The training normals among them.
        side: Side of the central square that is scored.

    Returns:
        A scorer: uint8 (n, H, W, C) to the squared Mahalanobis distance (n,) of each image's colours from the normal
        ones (Ledoit and Wolf's covariance).
    """
    # Row by row, since the images are mapped from a file that may be larger than memory.
    known = np.concatenate([_colours(training[row : row + 1], side) for row in rows])
    spread = LedoitWolf().fit(known)
    return lambda pixels: np.asarray(spread.mahalanobis(_colours(pixels, side)))


def _colours(pixels: np.ndarray, side: int) -> np.ndarray:
    """Mean and standard deviation of each channel: uint8 (n, H, W, C) to float64 (n, 2 C)."""
    centre = _centre(pixels, side).astype(np.float64)
    return np.concatenate([centre.mean((1, 2)), centre.std((1, 2))], axis=1)


def _centre(pixels: np.ndarray, side: int) -> np.ndarray:
    top, left = (pixels.shape[1] - side) // 2, (pixels.shape[2] - side) // 2
    return pixels[:, top : top + side, left : left + side]
