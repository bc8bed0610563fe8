"""The deep perceptual autoencoder as a detector (paper §III)."""

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path
from sys import intern
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.portions import update_with
from pipeline.compute.saved_state import SavedState
from pipeline.compute.scratch import scratch_key
from pipeline.compute.seeding import derived_seed
from pipeline.compute.tensor_files import write_tensors
from pipeline.detectors.base import Detector, History, Scorer
from pipeline.detectors.dpa.autoencoder import Architecture, Autoencoder
from pipeline.detectors.dpa.critic import build_critic
from pipeline.detectors.dpa.losses import ReconstructionLoss, perceptual_network
from pipeline.detectors.dpa.settings import DpaSettings, key
from pipeline.detectors.dpa.statistics import Statistics, changed, fault_of, statistics_for
from pipeline.detectors.dpa.trainer import Trainer
from pipeline.detectors.model_files import opened_model
from pipeline.errors import PipelineError
from pipeline.features.backbones import Backbone, checksum
from pipeline.features.reconstructed import reconstructed
from pipeline.features.statistics import FeatureStatistics
from pipeline.features.views import central_views


class DeepPerceptualAutoencoder(Detector):
    """An autoencoder trained with the perceptual loss, which is also its anomaly score, or with a variant of it.

    Args:
        settings: Network, loss and schedule of the arm.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self,
        settings: DpaSettings,
        image_channels: int,
        place: Workplace | None = None,
        preparation: dict[str, Any] | None = None,
    ) -> None:
        self.settings = settings
        self.place = place or Workplace()
        self.preparation = preparation or {}
        self.architecture = Architecture(
            settings.depth,
            image_channels,
            settings.channels,
            settings.resolution,
            min(settings.steps),
            settings.latent_dim,
            settings.latent_size,
        )
        # What equip gives, in a fit or from a file.
        self.backbone: Backbone | None
        self.statistics: Statistics
        self.loss: ReconstructionLoss
        self.initialise(0)

    def initialise(self, seed: int) -> None:
        """Give the network fresh weights: what it is before training, and the untrained reference."""
        torch.manual_seed(derived_seed(seed, "dpa", "initialisation"))
        network = Autoencoder(self.architecture)
        self.network = network.to(self.place.device).to(memory_format=torch.channels_last)

    def equip(self, backbone: Backbone | None, statistics: Statistics) -> None:
        """Give the detector what its loss compares by.

        Args:
            backbone: The network f in float32, None without a perceptual loss.
            statistics: μ and σ of its layers, by resolution; empty without a perceptual loss.
        """
        self.backbone, self.statistics = backbone, statistics
        self.loss = self._loss(torch.float32)

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Measure how the perceptual network answers, then train through all phases; see :meth:`Detector.fit`.

        Returns:
            The history, see :meth:`pipeline.detectors.dpa.trainer.Trainer.run`.

        Raises:
            PipelineError: If images do not fit the network, there are none to train on or to stop early by, weights or
                statistics cannot be had, or the loss stops being finite.
        """
        self._check(images)
        if not len(train):
            raise PipelineError("there is no image to train on")
        if self.settings.early_stopping and not len(held_out):
            raise PipelineError(
                f"{key('early_stopping')} needs held-out normal images, and the arm has none: set it to null"
            )
        backbone = perceptual_network(self.settings, self.place.device)
        self.equip(backbone, self._measured(backbone, images, train) if backbone else {})
        self.initialise(seed)
        critic = build_critic(self.architecture).to(self.place.device) if self.settings.loss.adversarial else None
        trainer = Trainer(
            self.settings,
            self.network,
            critic,
            self._loss(self.place.precision(self.settings.precision)),
            images,
            train,
            held_out,
            self.place,
            derived_seed(seed, "dpa", "batches"),
            SavedState(scratch, self._key(images, train, held_out, seed) if scratch else ""),
        )
        return trainer.run()

    def references(self, seed: int) -> dict[str, Scorer]:
        """The same network with fresh weights, and the same reconstructions compared pixel by pixel."""
        return {"untrained": self.untrained(seed).score, "pixel_l1": self.pixel_l1}

    def untrained(self, seed: int) -> Self:
        """Return the same detector with fresh weights, which has the loss but has learnt nothing."""
        fresh = copy.copy(self)
        fresh.initialise(seed)
        return fresh

    def score(self, images: np.ndarray) -> np.ndarray:
        """Equation 1 of each image's central view; see :meth:`pipeline.detectors.base.Detector.score`."""
        return self._of_views(images, self.loss, np.empty(0)).astype(np.float64)

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        """The error at each position of the central view, upsampled; (N, resolution, resolution)."""
        side = self.settings.resolution
        return self._of_views(images, self.loss.error_map, np.empty((0, side, side), np.float32))

    def reconstructions(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`pipeline.detectors.base.Detector.reconstructions`."""
        self._check(images)
        return reconstructed(images, self.settings.resolution, self.place.device, self.network)

    def pixel_l1(self, images: np.ndarray) -> np.ndarray:
        """The same reconstructions, compared pixel by pixel; float64 (N,), 0–2."""
        return self._of_views(images, lambda x, y: (x - y).abs().mean((1, 2, 3)), np.empty(0)).astype(np.float64)

    def save(self, path: Path) -> None:
        """Write weights, architecture, schedule, feature statistics and how images are prepared.

        Scoring needs only this and the backbone's weights, which are named by their checksum.
        """
        content = {
            "settings": self.settings.in_model(),
            "backbone_checksum": checksum(self.backbone) if self.backbone else "",
            "image_channels": self.architecture.image_channels,
            "network": {key: value.cpu() for key, value in self.network.state_dict().items()},
            "statistics": {
                # Interned, since the bytes of a pickle depend on which texts are one object.
                resolution: {intern(name): {"mean": m.mean, "std": m.std} for name, m in layers.items()}
                for resolution, layers in self.statistics.items()
            },
            "preparation": self.preparation,
            "processes": self.place.processes.count,
        }
        write_tensors(path, content)

    @classmethod
    def load(cls, path: Path, settings: DpaSettings | None = None, place: Workplace | None = None) -> Self:
        """Read what :meth:`save` wrote.

        Args:
            path: The model.
            settings: The arm's, of which only ``weights`` counts; the backbone's must be those of the training.
            place: Where to compute; the CPU unless given.

        Raises:
            PipelineError: If the file is missing, cut short or not such a model, or the backbone's weights are
                others.
        """
        with opened_model(path) as content:
            kept = DpaSettings.model_validate_json(content["settings"])
            kept = kept.model_copy(update={"weights": settings.weights if settings else None})
            statistics = {
                resolution: {layer: FeatureStatistics(**moments) for layer, moments in layers.items()}
                for resolution, layers in content["statistics"].items()
            }
            detector = cls(kept, content["image_channels"], place, dict(content["preparation"]))
            backbone = perceptual_network(kept, detector.place.device)
            if fault := fault_of(statistics, kept, backbone):
                raise ValueError(fault)
            detector.equip(backbone, statistics)
            if backbone and checksum(backbone) != content["backbone_checksum"]:
                raise PipelineError(f"{path} was trained with other weights of {kept.backbone}: train again")
            detector.network.load_state_dict(content["network"])
        return detector

    def _measured(self, backbone: Backbone, images: np.ndarray, train: np.ndarray) -> Statistics:
        """μ and σ on the CPU; with several processes those of the first one, whatever device the others have."""
        statistics = statistics_for(self.settings, backbone, images, train, self.place.device)
        return changed(statistics, lambda value: self.place.processes.first(value.to(self.place.device)).cpu())

    def _loss(self, precision: torch.dtype) -> ReconstructionLoss:
        backbone = self.backbone.in_precision(precision) if self.backbone else None
        on_device = changed(self.statistics, lambda value: value.to(self.place.device))
        return ReconstructionLoss(self.settings.loss, backbone, on_device)

    def _of_views(
        self, images: np.ndarray, compare: Callable[[Tensor, Tensor], Tensor], nothing: np.ndarray
    ) -> np.ndarray:
        """Compare the central views of images with their reconstructions; ``nothing`` is the answer to no images."""
        self._check(images)
        rows = np.arange(len(images))
        with torch.no_grad():
            views = central_views(images, rows, self.settings.resolution, self.place.device)
            compared = [compare(x, self.network(x)).cpu().numpy() for x in views]
        return np.concatenate(compared) if compared else nothing

    def _key(self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int) -> str:
        """Name a training after all that its result depends on."""
        data = hashlib.sha256()
        for values in (images, train, held_out, *(array.numpy() for array in _flat(self.statistics))):
            update_with(data, values)
        weights = checksum(self.backbone) if self.backbone else ""
        precision = self.place.precision(self.settings.precision)
        place = (str(self.place), self.place.room, self.place.compiles, precision, torch.get_num_threads())
        return scratch_key(self.settings.model_dump_json(), seed, data.hexdigest(), weights, place)

    def _check(self, images: np.ndarray) -> None:
        side, channels = self.settings.resolution, self.architecture.image_channels
        if images.ndim != 4 or images.shape[3] != channels or min(images.shape[1:3]) < side:
            raise PipelineError(
                f"images of shape {images.shape} do not fit the network: it takes (N, H, W, {channels}) with "
                f"sides of {side} or more"
            )


def _flat(statistics: Statistics) -> list[Tensor]:
    moments = [moments for layers in statistics.values() for moments in layers.values()]
    return [value for both in moments for value in (both.mean, both.std)]


DETECTOR = DeepPerceptualAutoencoder
