"""What training and evaluation know of a detector."""

from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pandas as pd


class Detector(Protocol):
    """An anomaly detector that learns from normal images. Images are uint8 (N, H, W, C), values 0–255."""

    def fit(self, train: np.ndarray, held_out: np.ndarray, seed: int) -> pd.DataFrame:
        """Learn from normal images.

        Args:
            train: The training normals, at least one.
            held_out: Normals that only the history's held-out loss sees; may be empty.
            seed: Seed of initialisation and of every draw.

        Returns:
            The history: one row per report, with at least ``iteration`` and ``loss``.
        """

    def score(self, images: np.ndarray) -> np.ndarray:
        """Return anomaly scores, float64 (N,), higher is more abnormal."""

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        """Return anomaly maps, float32 (N, h, w), of the central part of the images that is scored."""

    def save(self, path: Path) -> None:
        """Write everything that scoring needs, with the same bytes for the same model."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote."""
