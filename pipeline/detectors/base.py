"""What training and evaluation know of a detector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class History:
    """What happened during a fit.

    Attributes:
        rows: One row per report, with at least ``iteration`` and ``loss``.
        pictures: Caption to images uint8 (H, W, C) that show how it went; may be empty.
        iterations: After how many the network that was kept stood; fewer than were trained where it stopped early.
    """

    rows: pd.DataFrame
    pictures: Mapping[str, Sequence[np.ndarray]]
    iterations: int


class Detector(Protocol):
    """An anomaly detector that learns from normal images. Images are uint8 (N, H, W, C), values 0–255."""

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Learn from normal images.

        Args:
            images: All images of the arm, memory-mapped or not.
            train: Rows of the training normals, at least one.
            held_out: Rows of normals that only early stopping and the history see; may be empty.
            seed: Seed of initialisation and of every draw.
            scratch: Folder for the state from which an interrupted fit goes on; None keeps none. It is for the caller
                to remove when what was fitted is safe.
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
