"""Nearest neighbours in pooled features: DN2 (Bergman, Cohen & Hoshen 2020)."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from pipeline.compute.device import Workplace
from pipeline.detectors.base import Detector, History
from pipeline.detectors.knn.settings import KnnSettings
from pipeline.detectors.model_files import check_backbone, opened_model, tensor_of, write_model
from pipeline.errors import PipelineError
from pipeline.features.frozen import FrozenFeatures, check_finite, where_finite
from pipeline.features.neighbours import nearest
from pipeline.features.pooled import unit_length


class Knn(Detector):
    """Scores the mean distance to the k nearest training normals.

    Args:
        settings: Which features, and which neighbours count.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self, settings: KnnSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation, self.place = settings, image_channels, preparation, place
        self.seen = FrozenFeatures(**settings.seen, place=place)
        self.bank = np.empty((0, 0), np.float32)

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Keep the features of the training images; nothing is drawn."""
        if len(train) < self.settings.k:
            raise PipelineError(
                f"detectors.knn.k is {self.settings.k}, but there are {len(train)} training normals: lower it"
            )
        features = self.seen.pooled(images, train)
        check_finite(features, train, self.settings.backbone)
        self.bank = self._measured(features)
        loss = self._distances(self.bank).mean()
        return History(pd.DataFrame({"iteration": [1], "loss": [round(float(loss), 6)]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; from 0 on, at most 2 for the cosine."""
        return where_finite(self.seen.pooled(images), lambda features: self._distances(self._measured(features)))

    def save(self, path: Path) -> None:
        """Write the features of the training images."""
        learnt = {"bank": torch.from_numpy(self.bank), "backbone_checksum": self.seen.checksum}
        write_model(path, self.settings, self.image_channels, self.preparation, **learnt)

    @classmethod
    def load(cls, path: Path, settings: KnnSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = KnnSettings.model_validate_json(content["settings"])
            own = own.model_copy(update={"weights": settings.weights})
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            check_backbone(path, own.backbone, detector.seen.checksum, content)
            bank = tensor_of(content, "bank", torch.float32, None, detector.seen.channels)
            if len(bank) < own.k:
                raise ValueError("the bank holds fewer features than are asked for")
            detector.bank = bank.numpy()
        return detector

    def _measured(self, features: np.ndarray) -> np.ndarray:
        return unit_length(features) if self.settings.distance == "cosine" else features

    def _distances(self, features: np.ndarray) -> np.ndarray:
        distances, _ = nearest(features, self.bank, self.settings.k, self.place.device)
        return np.asarray(distances.mean(1))


DETECTOR = Knn
