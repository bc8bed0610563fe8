"""Deep SVDD: the distance from a centre (Ruff et al. 2018), as its authors released it."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from pipeline.compute.device import Workplace
from pipeline.compute.seeding import derived_seed
from pipeline.detectors.base import Detector, History
from pipeline.detectors.deep_svdd.centre import centre_of
from pipeline.detectors.deep_svdd.contrast import Contrast
from pipeline.detectors.deep_svdd.learners import Descending, OneClass, Pretraining, squared_distances
from pipeline.detectors.deep_svdd.networks import Decoder, Encoder
from pipeline.detectors.deep_svdd.settings import DeepSvddSettings
from pipeline.detectors.model_files import opened_model, tensor_of, write_model
from pipeline.detectors.square_views import check_trained_side, over_views, square_side, trained_side
from pipeline.detectors.training import CentralViews, Loop, Schedule, saved_state
from pipeline.errors import PipelineError
from pipeline.features.views import central_views

Network = TypeVar("Network", Encoder, Decoder)


@dataclass(frozen=True)
class Given:
    """What a fit is given, see :meth:`pipeline.detectors.base.Detector.fit`."""

    images: np.ndarray
    train: np.ndarray
    held_out: np.ndarray
    seed: int
    scratch: Path | None


class DeepSvdd(Detector):
    """Scores the squared distance from the centre of what the network makes of an image.

    Args:
        settings: Network and training.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    side: int
    contrast: Contrast
    encoder: Encoder
    centre: Tensor

    def __init__(
        self, settings: DeepSvddSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation = settings, image_channels, preparation
        self.place = place

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Train an autoencoder, take the mean of what its encoder makes of the images, and pull them there.

        Returns:
            The history, whose ``phase`` is pretraining or training.

        Raises:
            PipelineError: If images do not fit the network or are all of one grey, or the loss stops being finite.
        """
        self.side = square_side(images, self.image_channels, self.settings.side, "deep_svdd")
        if fault := self.settings.fault(self.side):
            raise PipelineError(f"detectors.deep_svdd.{fault}")
        given = Given(images, train, held_out, seed, scratch)
        self.contrast = Contrast.measured(central_views(images, train, self.side, self.place.device))
        torch.manual_seed(derived_seed(seed, "deep_svdd", "initialisation"))
        self.encoder, decoder = self._network(Encoder), self._network(Decoder)
        views = CentralViews(images, train, self.side, self.place)
        pretraining = self._pretrained(decoder, views, given)
        self.centre = self._mean_point(given)
        training = self._pulled(views, given)
        self.encoder.eval()
        training["iteration"] += pretraining["iteration"].iloc[-1]
        rows = pd.concat([pretraining, training], ignore_index=True)
        return History(rows, int(rows["iteration"].iloc[-1]))

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; from 0 on."""
        check_trained_side(images, self.image_channels, self.settings.side, self.side, "deep_svdd")
        rows = np.arange(len(images))
        return over_views(images, rows, self.side, self.place.device, self._distances)

    def save(self, path: Path) -> None:
        """Write the encoder, the centre, and how contrast is normalised."""
        encoder = {name: value.cpu() for name, value in self.encoder.state_dict().items()}
        learnt = {"encoder": encoder, "centre": self.centre.cpu(), "low": self.contrast.low, "high": self.contrast.high}
        write_model(path, self.settings, self.image_channels, self.preparation, network_side=self.side, **learnt)

    @classmethod
    def load(cls, path: Path, settings: DeepSvddSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = DeepSvddSettings.model_validate_json(content["settings"])
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            detector.side = trained_side(content["network_side"], own)
            detector.contrast = Contrast(float(content["low"]), float(content["high"]))
            if not 1 <= detector.contrast.high - detector.contrast.low < math.inf:  # true of NaN, too
                raise ValueError("this is no range of contrast")
            detector.centre = tensor_of(content, "centre", torch.float32, own.latent_dim).to(place.device)
            detector.encoder = detector._network(Encoder)
            detector.encoder.load_state_dict(content["encoder"])
            detector.encoder.eval()
        return detector

    def _network(self, kind: type[Network]) -> Network:
        settings = self.settings
        return kind(self.image_channels, self.side, settings.channels, settings.latent_dim).to(self.place.device)

    def _pretrained(self, decoder: Decoder, views: CentralViews, given: Given) -> pd.DataFrame:
        """Train the autoencoder; returns the rows of the history."""
        both = nn.ModuleDict({"encoder": self.encoder, "decoder": decoder})
        milestones = [self._schedule(epochs, given).iterations for epochs in self.settings.pretraining_milestones]
        learner = Pretraining(both, views, self.contrast, self.settings, milestones)
        return self._trained("pretraining", learner, self.settings.pretraining_epochs, given)

    def _mean_point(self, given: Given) -> Tensor:
        """The centre, from a pass over the training images."""
        self.encoder.eval()
        with torch.no_grad():
            views = central_views(given.images, given.train, self.side, self.place.device)
            return centre_of(self.encoder(self.contrast(batch)) for batch in views).to(self.place.device)

    def _pulled(self, views: CentralViews, given: Given) -> pd.DataFrame:
        """Train the encoder; returns the rows of the history."""
        alone = nn.ModuleDict({"encoder": self.encoder})
        milestones = [self._schedule(epochs, given).iterations for epochs in self.settings.milestones]
        warm_up = self._schedule(self.settings.warm_up_epochs, given).iterations
        learner = OneClass(alone, views, self.contrast, self.settings, milestones, self.centre, warm_up)
        return self._trained("training", learner, self.settings.epochs, given)

    def _trained(self, phase: str, learner: Descending, epochs: int, given: Given) -> pd.DataFrame:
        # A folder for each phase: whoever is killed in the second one finds the end of the first one again, soon.
        scratch = given.scratch / phase if given.scratch else None
        used = (given.train, given.held_out)
        saved = saved_state(scratch, self.settings, given.images, used, given.seed, self.place, phase)
        held_out_loss = (lambda: learner.mean_loss(given.images, given.held_out)) if len(given.held_out) else None
        order = derived_seed(given.seed, "deep_svdd", phase)
        schedule = self._schedule(epochs, given)
        loop = Loop(learner, len(given.train), schedule, order, saved, "deep_svdd", held_out_loss)
        return loop.run().rows.assign(phase=phase, resolution=self.side)

    def _schedule(self, epochs: int, given: Given) -> Schedule:
        return Schedule.of_epochs(epochs, len(given.train), self.settings.batch_size, self.settings.report_every)

    def _distances(self, views: Tensor) -> Tensor:
        return squared_distances(self.encoder(self.contrast(views)), self.centre)


DETECTOR = DeepSvdd
