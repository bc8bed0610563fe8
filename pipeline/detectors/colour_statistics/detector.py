"""Colours alone: a difference of stain or exposure can separate the tissue of two laboratories without any lesion."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from pipeline.compute.device import Workplace
from pipeline.detectors.base import Detector, History
from pipeline.detectors.colour_statistics.settings import ColourStatisticsSettings
from pipeline.detectors.model_files import opened_model, tensor_of, write_model
from pipeline.features.covariance import Spread, ledoit_wolf
from pipeline.features.views import central_view


class ColourStatistics(Detector):
    """Scores the squared Mahalanobis distance of an image's colours from normal ones (Ledoit and Wolf's covariance).

    Args:
        settings: Which part of an image counts.
        image_channels: 1 or 3.
        place: Not used: this is fast enough anywhere.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self, settings: ColourStatisticsSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation = settings, image_channels, preparation
        self.spread = Spread(torch.empty(0), torch.empty(0, 0))

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Learn how the colours of the training images are spread; nothing is drawn."""
        # Row by row, since the images are mapped from a file that may be larger than memory.
        known = np.concatenate([self._colours(images[row : row + 1]) for row in train])
        self.spread = ledoit_wolf(known)
        loss = self.spread.distances(known).mean()
        return History(pd.DataFrame({"iteration": [1], "loss": [round(float(loss), 6)]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; from 0 on."""
        return self.spread.distances(self._colours(images))

    def save(self, path: Path) -> None:
        """Write mean and inverse covariance of the colours."""
        write_model(path, self.settings, self.image_channels, self.preparation, **vars(self.spread))

    @classmethod
    def load(cls, path: Path, settings: ColourStatisticsSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            kept = ColourStatisticsSettings.model_validate_json(content["settings"])
            detector = cls(kept, content["image_channels"], place, dict(content["preparation"]))
            colours = 2 * detector.image_channels
            shapes = {"mean": (colours,), "precision": (colours, colours)}
            learnt = {name: tensor_of(content, name, torch.float64, *shape) for name, shape in shapes.items()}
            detector.spread = Spread(**learnt)
        return detector

    def _colours(self, images: np.ndarray) -> np.ndarray:
        """Mean and standard deviation of each channel: uint8 (n, H, W, C) to float64 (n, 2 C)."""
        shown = central_view(images, self.settings.side).astype(np.float64)
        return np.concatenate([shown.mean((1, 2)), shown.std((1, 2))], axis=1)


DETECTOR = ColourStatistics
