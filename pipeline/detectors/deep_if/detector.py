"""Deep IF: an isolation forest on pooled features (Ouardini et al. 2019, as the paper ran it)."""

from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from pipeline.compute.device import Workplace
from pipeline.compute.seeding import derived_seed
from pipeline.detectors.base import Detector, History
from pipeline.detectors.deep_if.forest import Forest
from pipeline.detectors.deep_if.settings import DeepIfSettings
from pipeline.detectors.model_files import check_backbone, opened_model, tensor_of, write_model
from pipeline.errors import PipelineError
from pipeline.features.frozen import FrozenFeatures, check_finite, where_finite

LEAST = 2  # images that can be parted


class DeepIf(Detector):
    """Scores how few random cuts part an image's features from those of training normals.

    Args:
        settings: Which features, and how many trees.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    forest: Forest

    def __init__(
        self, settings: DeepIfSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation = settings, image_channels, preparation
        self.seen = FrozenFeatures(**settings.seen, place=place)

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Grow the forest on the features of the training images."""
        if len(train) < LEAST:
            raise PipelineError(f"a forest needs {LEAST} training normals or more, and there is {len(train)}")
        features = self.seen.pooled(images, train)
        check_finite(features, train, self.settings.backbone)
        draws = derived_seed(seed, "deep_if", "forest") % 2**32  # scikit-learn takes no more
        self.forest = Forest.grown(features, self.settings.trees, self.settings.samples, draws)
        loss = self.forest.score(features).mean()
        return History(pd.DataFrame({"iteration": [1], "loss": [round(float(loss), 6)]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; between 0 and 1."""
        return where_finite(self.seen.pooled(images), self.forest.score)

    def save(self, path: Path) -> None:
        """Write the forest's arrays."""
        learnt = {name: torch.from_numpy(values) for name, values in self.forest.arrays().items()}
        checksum = {"backbone_checksum": self.seen.checksum}
        write_model(path, self.settings, self.image_channels, self.preparation, forest=learnt, **checksum)

    @classmethod
    def load(cls, path: Path, settings: DeepIfSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = DeepIfSettings.model_validate_json(content["settings"])
            own = own.model_copy(update={"weights": settings.weights})
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            check_backbone(path, own.backbone, detector.seen.checksum, content)
            trees, nodes = content["forest"], len(content["forest"]["left"])
            shapes = dict.fromkeys(("left", "right", "feature"), (torch.int64, nodes))
            shapes |= dict.fromkeys(("threshold", "length"), (torch.float64, nodes))
            shapes |= {"start": (torch.int64, own.trees), "samples": (torch.int64, 1)}
            detector.forest = Forest(**{name: tensor_of(trees, name, *shape).numpy() for name, shape in shapes.items()})
            detector.forest.check(detector.seen.channels)
        return detector


DETECTOR = DeepIf
