"""PaDiM: Mahalanobis distances of patches, position by position (Defard et al. 2020)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pipeline.compute.device import GIB, Workplace
from pipeline.compute.seeding import generator
from pipeline.detectors.base import Detector, History
from pipeline.detectors.model_files import check_backbone, opened_model, tensor_of, write_model
from pipeline.detectors.padim.gaussians import Gaussians, Scatter
from pipeline.detectors.padim.settings import PadimSettings
from pipeline.errors import PipelineError
from pipeline.features.frozen import FrozenFeatures
from pipeline.features.patches import on_first_grid, resized_maps, smooth_map

LEAST = 2  # images that a covariance needs


class Padim(Detector):
    """Scores the largest distance of an image's patches from the distribution of training patches at their place.

    Args:
        settings: Which features, and how many of them.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    channels: Tensor  # those that were drawn, rising, int64 (D,)
    gaussians: Gaussians

    def __init__(
        self, settings: PadimSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation, self.place = settings, image_channels, preparation, place
        self.seen = FrozenFeatures(**settings.seen, place=place)

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Learn mean and covariance of each position in one pass; only the channels are drawn."""
        if len(train) < LEAST:
            raise PipelineError(f"a covariance needs {LEAST} training normals or more, and there is {len(train)}")
        scatter = None
        for layers in self.seen.checked_maps(images, train):
            if scatter is None:
                self.channels = self._drawn_channels(layers, seed)
                scatter = Scatter(self._positions(layers), len(self.channels), self.place.device)
            scatter.add(self._features(layers))
        assert scatter  # noqa: S101  (there are training images)
        try:
            fitted = scatter.gaussians(self.settings.epsilon)
        except ValueError as error:
            raise PipelineError(
                f"detectors.padim.epsilon is {self.settings.epsilon:g}, too little for covariances to be inverted: "
                "raise it"
            ) from error
        self._learn(fitted.mean, fitted.whitening)
        # The mean over all training patches of d² = tr(Σ⁻¹S), S the covariance without epsilon, so Σ⁻¹S = 1 − εΣ⁻¹.
        loss = (1 - 1 / len(train)) * (len(self.channels) - self.settings.epsilon * fitted.traces().mean())
        return History(pd.DataFrame({"iteration": [1], "loss": [round(float(loss), 6)]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; from 0 on."""
        return np.concatenate([np.empty(0), *(maps.max((1, 2)).astype(np.float64) for maps in self._maps(images))])

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        """The smoothed distances, float32 (N, h, w)."""
        return resized_maps(self._maps(images), self.seen.scored_shape(images))

    def save(self, path: Path) -> None:
        """Write the distributions of all positions."""
        learnt = {"mean": self.gaussians.mean, "whitening": self.gaussians.whitening, "channels": self.channels}
        learnt = {name: tensor.cpu() for name, tensor in learnt.items()}
        checksum = {"backbone_checksum": self.seen.checksum}
        write_model(path, self.settings, self.image_channels, self.preparation, **learnt, **checksum)

    @classmethod
    def load(cls, path: Path, settings: PadimSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = PadimSettings.model_validate_json(content["settings"])
            own = own.model_copy(update={"weights": settings.weights})
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            check_backbone(path, own.backbone, detector.seen.checksum, content)
            channels = tensor_of(content, "channels", torch.int64, own.channels)
            if channels[0] < 0 or channels[-1] >= detector.seen.channels or (channels.diff() <= 0).any():
                raise ValueError("these are no channels of the layers, each once and rising")
            detector.channels = channels.to(place.device)
            mean = tensor_of(content, "mean", torch.float32, None, own.channels)
            whitening = tensor_of(content, "whitening", torch.float32, len(mean), own.channels, own.channels)
            detector._learn(mean, whitening)
        return detector

    def _learn(self, mean: Tensor, whitening: Tensor) -> None:
        self.gaussians = Gaussians(mean.to(self.place.device), whitening.to(self.place.device))

    def _drawn_channels(self, layers: list[Tensor], seed: int) -> Tensor:
        there, wanted = sum(layer.shape[1] for layer in layers), self.settings.channels
        if wanted > there:
            raise PipelineError(
                f"detectors.padim.channels is {wanted}, but {', '.join(self.settings.layers)} of "
                f"{self.settings.backbone} have {there}: lower it"
            )
        drawn = generator(seed, "padim", "channels").choice(there, wanted, replace=False)
        return torch.from_numpy(np.sort(drawn)).to(self.place.device)

    def _positions(self, layers: list[Tensor]) -> int:
        height, width = layers[0].shape[2:]
        needed = height * width * self.settings.channels**2 * (torch.float64.itemsize + torch.float32.itemsize)
        if needed > self.place.room:
            raise PipelineError(
                f"the covariances of {self.settings.channels} channels at {height}×{width} positions need "
                f"{needed / GIB:.1f} GiB: lower detectors.padim.channels or input_size, or raise compute.memory"
            )
        return height * width

    def _features(self, layers: list[Tensor]) -> Tensor:
        return on_first_grid(layers, "nearest")[:, self.channels]

    def _maps(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """The smoothed distances of images in batches, float32 (n, H, W), H and W of the network's input."""
        shape = self.seen.input_shape(images)
        for layers in self.seen.maps(images):
            if layers[0].shape[2:].numel() != len(self.gaussians.mean):
                raise PipelineError(
                    f"the detector was not fitted to images of {images.shape[1]}×{images.shape[2]} px: train again"
                )
            yield smooth_map(self.gaussians.distances(self._features(layers)), shape, self.settings.smoothing)


DETECTOR = Padim
