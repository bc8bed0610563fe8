"""Scores that need no training: what a detector has to beat before its figure means anything."""

import numpy as np


def mean_intensity(pixels: np.ndarray, side: int) -> np.ndarray:
    """Mean grey level of what the detector is shown of each image.

    Args:
        pixels: uint8 (N, H, W, C).
        side: Side of the central square that is scored.

    Returns:
        float64 (N,), 0–255.
    """
    top, left = (pixels.shape[1] - side) // 2, (pixels.shape[2] - side) // 2
    return np.array([image[top : top + side, left : left + side].mean() for image in pixels], dtype=np.float64)
