"""Brightness alone: exposure can separate the films of two machines without any finding."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from pipeline.compute.device import Workplace
from pipeline.compute.tensor_files import write_tensors
from pipeline.detectors.base import Detector, History
from pipeline.detectors.mean_intensity.settings import MeanIntensitySettings
from pipeline.detectors.model_files import opened_model
from pipeline.features.views import central_view


class MeanIntensity(Detector):
    """Scores the mean grey level of an image.

    Args:
        settings: Which part of an image counts.
        image_channels: 1 or 3.
        place: Not used.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self, settings: MeanIntensitySettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation = settings, image_channels, preparation

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """There is nothing to learn."""
        level = np.mean([self.score(images[row : row + 1]) for row in train])
        return History(pd.DataFrame({"iteration": [1], "loss": [level.round(6)]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; 0–255."""
        return np.array([image.mean() for image in central_view(images, self.settings.side)], dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write which part of an image counts."""
        facts = {"settings": self.settings.in_model(), "image_channels": self.image_channels}
        write_tensors(path, {**facts, "preparation": self.preparation})

    @classmethod
    def load(cls, path: Path, settings: MeanIntensitySettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            kept = MeanIntensitySettings.model_validate_json(content["settings"])
            return cls(kept, content["image_channels"], place, dict(content["preparation"]))


DETECTOR = MeanIntensity
