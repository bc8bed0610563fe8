"""The deep perceptual autoencoder as a detector (paper §III)."""

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.saved_state import SavedState
from pipeline.compute.scratch import scratch_key
from pipeline.compute.seeding import derived_seed
from pipeline.compute.tensor_files import NotTensorsError, read_tensors, write_tensors
from pipeline.detectors.base import History
from pipeline.detectors.dpa.autoencoder import Architecture, Autoencoder
from pipeline.detectors.dpa.critic import build_critic
from pipeline.detectors.dpa.losses import ReconstructionLoss
from pipeline.detectors.dpa.statistics import FeatureStatistics, Statistics, fault_of
from pipeline.detectors.dpa.trainer import Trainer
from pipeline.errors import PipelineError
from pipeline.features.backbones import checksum, perceptual_network
from pipeline.features.views import central_views
from pipeline.params.train import Train


class OtherStatisticsError(PipelineError):
    """Feature statistics that are not of the layers that are compared."""


class DeepPerceptualAutoencoder:
    """An autoencoder trained with the perceptual loss, which is also its anomaly score, or with a variant of it.

    Args:
        settings: Network, loss and schedule of the arm.
        image_channels: 1 or 3.
        statistics: μ and σ of the perceptual network's layers, by resolution; empty without a perceptual loss.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self,
        settings: Train,
        image_channels: int,
        statistics: Statistics,
        place: Workplace | None = None,
        preparation: dict[str, Any] | None = None,
    ) -> None:
        self.settings = settings
        self.statistics = statistics
        self.place = place or Workplace()
        self.preparation = preparation or {}
        self.architecture = Architecture(
            settings.depth,
            image_channels,
            settings.channels,
            settings.resolution,
            settings.steps[0].resolution,
            settings.latent_dim,
            settings.latent_size,
        )
        self.backbone = perceptual_network(settings, self.place.device)
        self._check_statistics()
        self.loss = self._loss(torch.float32)
        self.initialise(0)

    def initialise(self, seed: int) -> None:
        """Give the network fresh weights: what it is before training, and the untrained baseline."""
        torch.manual_seed(derived_seed(seed, "dpa", "initialisation"))
        network = Autoencoder(self.architecture)
        self.network = network.to(self.place.device).to(memory_format=torch.channels_last)

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Train through all phases of growth; see :meth:`pipeline.detectors.base.Detector.fit`.

        Returns:
            The history, see :meth:`pipeline.detectors.dpa.trainer.Trainer.run`.

        Raises:
            PipelineError: If images do not fit the network, there are none to train on or to stop early by, or the
                loss stops being finite.
        """
        self._check(images)
        if not len(train):
            raise PipelineError("there is no image to train on")
        if self.settings.early_stopping and not len(held_out):
            raise PipelineError(
                "train.<arm>.early_stopping needs held-out normal images, and the arm has none: set it to null"
            )
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

    def untrained(self, seed: int) -> Self:
        """Return the same detector with fresh weights: the baseline that has the loss but has learnt nothing."""
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

    def pixel_l1(self, images: np.ndarray) -> np.ndarray:
        """The same reconstructions, compared pixel by pixel: a baseline for the score; float64 (N,), 0–2."""
        return self._of_views(images, lambda x, y: (x - y).abs().mean((1, 2, 3)), np.empty(0)).astype(np.float64)

    def save(self, path: Path) -> None:
        """Write weights, architecture, schedule, feature statistics and how images are prepared.

        Scoring needs only this and the backbone's weights, which are named by their checksum.
        """
        content = {
            # Without the places where files lay: they name a machine's folders.
            "settings": self.settings.model_copy(update={"weights": None, "statistics": None}).model_dump_json(),
            "backbone_checksum": checksum(self.backbone) if self.backbone else "",
            "image_channels": self.architecture.image_channels,
            "network": {key: value.cpu() for key, value in self.network.state_dict().items()},
            "statistics": {
                r: {layer: {"mean": of.mean, "std": of.std} for layer, of in of_layers.items()}
                for r, of_layers in self.statistics.items()
            },
            "preparation": self.preparation,
            "processes": self.place.processes.count,
        }
        write_tensors(path, content)

    @classmethod
    def load(cls, path: Path, weights: str | None = None, place: Workplace | None = None) -> Self:
        """Read what :meth:`save` wrote.

        Args:
            path: The model.
            weights: The backbone's weights, as ``train.<arm>.weights``; they must be those of the training.
            place: Where to compute; the CPU unless given.

        Raises:
            PipelineError: If the file is missing, cut short or not such a model, or the backbone's weights are
                others.
        """
        try:
            found = read_tensors(path)
        except FileNotFoundError as error:
            raise PipelineError(f"{path} is missing: train the arm first") from error
        except NotTensorsError as error:
            raise PipelineError(f"{path} is not a whole model, {error}: train again") from error
        try:
            content = dict(found)
            settings = Train.model_validate_json(content["settings"]).model_copy(update={"weights": weights})
            statistics = {
                r: {layer: FeatureStatistics(**of) for layer, of in of_layers.items()}
                for r, of_layers in content["statistics"].items()
            }
            preparation = dict(content["preparation"])
            detector = cls(settings, content["image_channels"], statistics, place, preparation)
            if detector.backbone and checksum(detector.backbone) != content["backbone_checksum"]:
                raise PipelineError(f"{path} was trained with other weights of {settings.backbone}: train again")
            detector.network.load_state_dict(content["network"])
        except (OtherStatisticsError, RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise PipelineError(f"{path} is not a whole model of this version: train again") from error
        return detector

    def _loss(self, precision: torch.dtype) -> ReconstructionLoss:
        backbone = self.backbone.in_precision(precision) if self.backbone else None
        statistics = {
            r: {layer: of.to(self.place.device) for layer, of in of_layers.items()}
            for r, of_layers in self.statistics.items()
        }
        return ReconstructionLoss(self.settings.loss, backbone, statistics)

    def _of_views(
        self, images: np.ndarray, compare: Callable[[Tensor, Tensor], Tensor], nothing: np.ndarray
    ) -> np.ndarray:
        """Compare the central views of images with their reconstructions; ``nothing`` is the answer to no images."""
        self._check(images)
        rows = np.arange(len(images))
        with torch.no_grad():
            views = central_views(images, rows, self.settings.resolution, self.place.device)
            found = [compare(x, self.network(x)).cpu().numpy() for x in views]
        return np.concatenate(found) if found else nothing

    def _key(self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int) -> str:
        """Name a training after all that its result depends on."""
        data = hashlib.sha256()
        for values in (images, train, held_out, *(array.numpy() for array in _flat(self.statistics))):
            data.update(str(values.shape).encode())
            data.update(np.ascontiguousarray(values).data)
        weights = checksum(self.backbone) if self.backbone else ""
        precision = self.place.precision(self.settings.precision)
        place = (str(self.place), self.place.room, self.place.compiles, precision, torch.get_num_threads())
        return scratch_key(self.settings.model_dump_json(), seed, data.hexdigest(), weights, place)

    def _check_statistics(self) -> None:
        wanted = {step.resolution: step.layers for step in self.settings.steps} if self.settings.loss.perceptual else {}
        if {r: tuple(of_layers) for r, of_layers in self.statistics.items()} != wanted:
            raise OtherStatisticsError(
                "the feature statistics (features.npz) are of other layers than train.<arm>.schedule names: run `dvc "
                "repro`, which measures them"
            )
        if self.backbone and (fault := fault_of(self.statistics, self.settings.steps, self.backbone)):
            raise OtherStatisticsError(f"features.npz: {fault}: run `dvc repro`, which measures them")

    def _check(self, images: np.ndarray) -> None:
        side, channels = self.settings.resolution, self.architecture.image_channels
        if images.ndim != 4 or images.shape[3] != channels or min(images.shape[1:3]) < side:
            raise PipelineError(
                f"images of shape {images.shape} do not fit the network: it takes (N, H, W, {channels}) with "
                f"sides of {side} or more"
            )


def _flat(statistics: Statistics) -> list[Tensor]:
    return [t for of_layers in statistics.values() for of in of_layers.values() for t in (of.mean, of.std)]
