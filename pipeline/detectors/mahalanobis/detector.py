"""The Mahalanobis distance of pooled features (Ledoit & Wolf's covariance)."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from pipeline.compute.device import Workplace
from pipeline.detectors.base import Detector, History
from pipeline.detectors.mahalanobis.settings import MahalanobisSettings
from pipeline.detectors.model_files import check_backbone, opened_model, tensor_of, write_model
from pipeline.errors import PipelineError
from pipeline.features.covariance import Spread, ledoit_wolf
from pipeline.features.frozen import FrozenFeatures, check_finite, where_finite
from pipeline.features.pooled import unit_length

LEAST = 2  # images that a covariance needs


class Mahalanobis(Detector):
    """Scores the squared Mahalanobis distance of an image's features from those of training normals.

    Args:
        settings: Which features are compared.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self, settings: MahalanobisSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation = settings, image_channels, preparation
        self.seen = FrozenFeatures(**settings.seen, place=place)
        self.spread = Spread(torch.empty(0), torch.empty(0, 0))

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Learn how the features of the training images are spread; nothing is drawn."""
        if len(train) < LEAST:
            raise PipelineError(f"a covariance needs {LEAST} training normals or more, and there is {len(train)}")
        features = self.seen.pooled(images, train)
        check_finite(features, train, self.settings.backbone)
        self.spread = ledoit_wolf(features, self._measured)
        loss = self.spread.distances(features, self._measured).mean()
        return History(pd.DataFrame({"iteration": [1], "loss": [round(float(loss), 6)]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; from 0 on."""
        return where_finite(self.seen.pooled(images), lambda f: self.spread.distances(f, self._measured))

    def save(self, path: Path) -> None:
        """Write mean and inverse covariance."""
        learnt = {**vars(self.spread), "backbone_checksum": self.seen.checksum}
        write_model(path, self.settings, self.image_channels, self.preparation, **learnt)

    @classmethod
    def load(cls, path: Path, settings: MahalanobisSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = MahalanobisSettings.model_validate_json(content["settings"])
            own = own.model_copy(update={"weights": settings.weights})
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            check_backbone(path, own.backbone, detector.seen.checksum, content)
            channels = detector.seen.channels
            shapes = {"mean": (channels,), "precision": (channels, channels)}
            learnt = {name: tensor_of(content, name, torch.float64, *shape) for name, shape in shapes.items()}
            detector.spread = Spread(**learnt)
        return detector

    def _measured(self, features: np.ndarray) -> np.ndarray:
        return unit_length(features) if self.settings.normalize else features


DETECTOR = Mahalanobis
