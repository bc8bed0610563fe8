"""Deep GEO: a classifier of geometric transformations (Golan & El-Yaniv 2018), as the paper ran it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.seeding import derived_seed
from pipeline.detectors.base import Detector, History
from pipeline.detectors.deep_geo.classifier import Classifier
from pipeline.detectors.deep_geo.dirichlet import most_likely, normality
from pipeline.detectors.deep_geo.settings import DeepGeoSettings
from pipeline.detectors.deep_geo.transformations import COUNT, origins, transformed
from pipeline.detectors.deep_geo.wide_resnet import WideResNet
from pipeline.detectors.model_files import opened_model, tensor_of, write_model
from pipeline.detectors.square_views import check_trained_side, square_side, trained_side
from pipeline.detectors.training import CentralViews, Loop, Schedule, saved_state
from pipeline.errors import PipelineError
from pipeline.features.views import central_views


class DeepGeo(Detector):
    """Scores how unlikely the classifier's answers to an image's transformations are among those to training normals.

    Args:
        settings: Transformations, network and training.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    side: int  # of the square that the network sees
    network: WideResNet
    origins: Tensor
    alpha: np.ndarray  # float64 (72, 72): row t is the Dirichlet distribution of the answers to transformation t

    def __init__(
        self, settings: DeepGeoSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation, self.place = settings, image_channels, preparation, place

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Train the classifier, then see once more how it answers to every training image.

        Raises:
            PipelineError: If images do not fit the network, or the loss stops being finite.
        """
        side = square_side(images, self.image_channels, self.settings.side, "deep_geo")
        if fault := self.settings.fault(side):
            raise PipelineError(f"detectors.deep_geo.{fault}")
        torch.manual_seed(derived_seed(seed, "deep_geo", "initialisation"))
        self._equip(side)
        views, others = (CentralViews(images, rows, self.settings.side, self.place) for rows in (train, held_out))
        learner = Classifier(self.network, views, self.origins, self.settings.learning_rate)
        samples = COUNT * len(train)
        history = Loop(
            learner,
            samples,
            Schedule.of_epochs(self.settings.epochs, samples, self.settings.batch_size, self.settings.report_every),
            derived_seed(seed, "deep_geo", "batches"),
            saved_state(scratch, self.settings, images, (train, held_out), seed, self.place),
            "deep_geo",
            partial(learner.held_out_loss, others, len(held_out)) if len(held_out) else None,
        ).run()
        self.network.eval()
        mean_log = sum(self._log_answers(images, train), np.zeros((COUNT, COUNT))) / len(train)
        if not np.isfinite(mean_log).all():
            raise PipelineError("the trained network answers with no numbers: lower detectors.deep_geo.learning_rate")
        self.alpha = np.stack([most_likely(row) for row in mean_log])
        return history

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`: the negative mean of :func:`dirichlet.normality` over the transformations."""
        check_trained_side(images, self.image_channels, self.settings.side, self.side, "deep_geo")
        answers = self._log_answers(images, np.arange(len(images)))
        return np.array([-normality(self.alpha, np.exp(log_p)).mean() for log_p in answers], np.float64)

    def save(self, path: Path) -> None:
        """Write the network and the Dirichlet distributions of its answers."""
        network = {name: value.cpu() for name, value in self.network.state_dict().items()}
        learnt = {"side": self.side, "network": network, "alpha": torch.from_numpy(self.alpha)}
        write_model(path, self.settings, self.image_channels, self.preparation, **learnt)

    @classmethod
    def load(cls, path: Path, settings: DeepGeoSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = DeepGeoSettings.model_validate_json(content["settings"])
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            detector._equip(trained_side(content["side"], own))
            detector.network.load_state_dict(content["network"])
            detector.network.eval()
            detector.alpha = tensor_of(content, "alpha", torch.float64, COUNT, COUNT).numpy()
        return detector

    def _equip(self, side: int) -> None:
        """Make a fresh network for squares of a side, and the transformations of these."""
        network = WideResNet(self.image_channels, side, self.settings.depth, self.settings.width, COUNT)
        self.network = network.to(self.place.device).to(memory_format=torch.channels_last)
        self.side, self.origins = side, origins(side, self.settings.shift).to(self.place.device)

    def _log_answers(self, images: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Yield log p of each image under every transformation, float64 (72, 72).

        One image at a time, with all of its transformations: whatever is scored beside it, its digits are the same.
        """
        with torch.no_grad():
            for views in central_views(images, rows, self.side, self.place.device):
                for view in views:
                    seen = transformed(view.expand(COUNT, -1, -1, -1), self.origins)
                    # Where p has vanished from float32, its logarithm has not.
                    yield self.network(seen).cpu().double().log_softmax(1).numpy()


DETECTOR = DeepGeo
