"""Scores that need no training: what a detector has to beat before its figure means anything."""

import numpy as np


def mean_intensity(pixels: np.ndarray) -> np.ndarray:
    """Mean grey level of each image, float64 (N,), from uint8 (N, H, W, C)."""
    return np.array([image.mean() for image in pixels], dtype=np.float64)
