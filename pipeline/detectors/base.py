"""What training and evaluation know of a detector."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
import pandas as pd

if TYPE_CHECKING:  # takes seconds to import, and reports need it not
    from pipeline.compute.device import Workplace

Scorer = Callable[[np.ndarray], np.ndarray]  # uint8 (n, H, W, C) to float (n,), higher is more abnormal


@dataclass(frozen=True)
class History:
    """What happened during a fit.

    Attributes:
        rows: One row per report, with at least ``iteration`` and ``loss``; where there are such, ``held_out_loss``, and
            ``phase`` and ``resolution`` (px) of what was trained then.
        iterations: After how many the network that was kept stood; fewer than were trained where it stopped early.
        pictures: Caption to images uint8 (H, W, C) that show how it went; may be empty.
    """

    rows: pd.DataFrame
    iterations: int
    pictures: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)


class Detector(Protocol):
    """An anomaly detector that learns from normal images. Images are uint8 (N, H, W, C), values 0–255.

    It is made of its settings, the number of channels (1 or 3), where to compute, and how its images were prepared, see
    :func:`pipeline.detectors.registry.build`. What it needs beyond these it makes in :meth:`fit`.
    """

    @abstractmethod
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

    @abstractmethod
    def score(self, images: np.ndarray) -> np.ndarray:
        """Return anomaly scores, float64 (N,), higher is more abnormal."""

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray | None:
        """Return anomaly maps, float32 (N, h, w), of the central part of the images that is scored; None without."""
        return None

    def reconstructions(self, images: np.ndarray) -> np.ndarray | None:
        """Return what a network makes of the same part, uint8 (N, h, w, C); None where it reconstructs nothing."""
        return None

    def references(self, seed: int) -> dict[str, Scorer]:
        """Return what the detector itself has to beat, by the names of their columns in the table of scores.

        Args:
            seed: Of the fit.
        """
        return {}

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write everything that scoring needs, with the same bytes for the same model."""

    @classmethod
    @abstractmethod
    def load(cls, path: Path, settings: Any, place: "Workplace") -> Self:
        """Read what :meth:`save` wrote; see :func:`pipeline.detectors.registry.load`."""
