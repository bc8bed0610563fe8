"""PIAD as a detector.

Tuluptceva, Bakker, Fedulova and Konushin, *Perceptual Image Anomaly Detection*, 2019.
"""

from collections.abc import Callable
from pathlib import Path
from sys import intern
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.seeding import derived_seed
from pipeline.detectors.base import Detector, History
from pipeline.detectors.model_files import check_backbone, opened_model, write_model
from pipeline.detectors.piad.learner import BATCHES, PiadLearner
from pipeline.detectors.piad.networks import Autoencoder
from pipeline.detectors.piad.settings import PiadSettings, key
from pipeline.detectors.training import CentralViews, Loop, Schedule, saved_state
from pipeline.errors import PipelineError
from pipeline.features.backbones import checksum, frozen_network
from pipeline.features.perceptual_loss import RelativePerceptualL1
from pipeline.features.reconstructed import reconstructed
from pipeline.features.statistics import FeatureStatistics, fault_of, feature_statistics, read_statistics, spaced
from pipeline.features.views import central_views


class Piad(Detector):
    """Scores the relative perceptual L1 loss of an image's reconstruction, by which it was trained.

    Args:
        settings: Networks, loss and training.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self, settings: PiadSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation = settings, image_channels, preparation
        self.place = place
        self.backbone = frozen_network(settings.backbone, settings.weights, place.device)
        self.autoencoder = self._on_device(Autoencoder(settings, image_channels))
        # What _compare_by gives, in a fit or from a file.
        self.statistics: dict[str, FeatureStatistics]
        self.loss: RelativePerceptualL1

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Measure how the perceptual network answers, then train; see :meth:`Detector.fit`.

        Raises:
            PipelineError: If images do not fit the networks, there are none to train on, statistics cannot be had, or
                the loss stops being finite.
        """
        self._check(images)
        if not len(train):
            raise PipelineError("there is no image to train on")
        self._compare_by(self._measured(images, train))
        settings, place = self.settings, self.place
        torch.manual_seed(derived_seed(seed, "piad", "initialisation"))
        self.autoencoder = self._on_device(Autoencoder(settings, self.image_channels))
        views = CentralViews(images, train, settings.side, place)
        learner = PiadLearner(settings, self.autoencoder, views, self.loss, seed)
        compared_by = [(layer, m.mean.tolist(), m.std.tolist()) for layer, m in self.statistics.items()]
        saved = saved_state(
            scratch, settings, images, (train, held_out), seed, place, checksum(self.backbone), compared_by
        )
        loop = Loop(
            learner,
            len(train),
            Schedule(settings.iterations, settings.batch_size, BATCHES, settings.report_every),
            derived_seed(seed, "piad", "batches"),
            saved,
            "piad",
            (lambda: float(self._of_views(images, held_out, self.loss).mean())) if len(held_out) else None,
        )
        return loop.run()

    def score(self, images: np.ndarray) -> np.ndarray:
        """The loss of each image's central view; see :meth:`Detector.score`."""
        self._check(images)
        return self._of_views(images, np.arange(len(images)), self.loss).astype(np.float64)

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        """The loss before its mean over positions, enlarged; float32 (N, side, side)."""
        self._check(images)
        maps = self._of_views(images, np.arange(len(images)), self.loss.error_map)
        return maps.reshape(-1, self.settings.side, self.settings.side)

    def reconstructions(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`pipeline.detectors.base.Detector.reconstructions`."""
        self._check(images)
        return reconstructed(images, self.settings.side, self.place.device, self.autoencoder)

    def save(self, path: Path) -> None:
        """Write encoder, decoder and the statistics of the perceptual loss; the backbone is named by its checksum."""
        write_model(
            path,
            self.settings,
            self.image_channels,
            self.preparation,
            backbone_checksum=checksum(self.backbone),
            autoencoder={name: value.cpu() for name, value in self.autoencoder.state_dict().items()},
            # Interned, since the bytes of a pickle depend on which texts are one object.
            statistics={intern(layer): {"mean": m.mean, "std": m.std} for layer, m in self.statistics.items()},
        )

    @classmethod
    def load(cls, path: Path, settings: PiadSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = PiadSettings.model_validate_json(content["settings"])
            own = own.model_copy(update={"weights": settings.weights})
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            check_backbone(path, own.backbone, checksum(detector.backbone), content)
            statistics = {layer: FeatureStatistics(**moments) for layer, moments in content["statistics"].items()}
            if fault := fault_of(statistics, own.layers, detector.backbone, own.side):
                raise ValueError(fault)
            detector._compare_by(statistics)
            detector.autoencoder.load_state_dict(content["autoencoder"])
        return detector

    def _measured(self, images: np.ndarray, train: np.ndarray) -> dict[str, FeatureStatistics]:
        settings = self.settings
        if settings.statistics:
            path = Path(settings.statistics)
            return read_statistics(path, settings.layers, self.backbone, settings.side, key("statistics"))
        chosen = spaced(train, settings.statistics_images)
        views = central_views(images, chosen, settings.side, self.place.device)
        return feature_statistics(self.backbone, settings.layers, views)

    def _compare_by(self, statistics: dict[str, FeatureStatistics]) -> None:
        """Make the loss of the statistics, which lie on the CPU."""
        self.statistics = statistics
        on_device = {layer: moments.each(lambda v: v.to(self.place.device)) for layer, moments in statistics.items()}
        self.loss = RelativePerceptualL1(self.backbone, on_device)

    def _of_views(
        self, images: np.ndarray, rows: np.ndarray, compare: Callable[[Tensor, Tensor], Tensor]
    ) -> np.ndarray:
        """Compare central views with their reconstructions; float32, of no image (0,)."""
        with torch.no_grad():
            views = central_views(images, rows, self.settings.side, self.place.device)
            compared = [compare(x, self.autoencoder(x)).cpu().numpy() for x in views]
        return np.concatenate(compared) if compared else np.empty(0, np.float32)

    def _on_device(self, autoencoder: Autoencoder) -> Autoencoder:
        return autoencoder.to(self.place.device).to(memory_format=torch.channels_last)

    def _check(self, images: np.ndarray) -> None:
        side, channels = self.settings.side, self.image_channels
        if images.ndim != 4 or images.shape[3] != channels or min(images.shape[1:3]) < side:
            raise PipelineError(
                f"images of shape {images.shape} do not fit the network: it takes (N, H, W, {channels}) with "
                f"sides of {side} or more"
            )


DETECTOR = Piad
