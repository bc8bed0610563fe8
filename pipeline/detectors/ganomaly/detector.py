"""GANomaly: how far apart the codes of an image and its reconstruction are (Akcay et al. 2018).

As its authors released it, but for their protocol: networks are in evaluation mode when they score, the last iteration
is kept, and scores are not mapped to the range of the test set.
"""

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.seeding import derived_seed
from pipeline.detectors.base import Detector, History
from pipeline.detectors.ganomaly.learner import Game, squared_differences
from pipeline.detectors.ganomaly.networks import Discriminator, Generator, initialise
from pipeline.detectors.ganomaly.settings import GanomalySettings
from pipeline.detectors.model_files import opened_model, write_model
from pipeline.detectors.square_views import check_trained_side, over_views, square_side, trained_side
from pipeline.detectors.training import CentralViews, Loop, Schedule, noise_generator, saved_state
from pipeline.errors import PipelineError
from pipeline.features.reconstructed import reconstructed


class Ganomaly(Detector):
    """Scores the mean squared difference of the codes of an image and of its reconstruction.

    Args:
        settings: Networks and training.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    side: int
    generator: Generator

    def __init__(
        self, settings: GanomalySettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation = settings, image_channels, preparation
        self.place = place

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Train generator and discriminator; see :meth:`Detector.fit`.

        Raises:
            PipelineError: If images do not fit the networks, or the loss stops being finite.
        """
        settings = self.settings
        self.side = square_side(images, self.image_channels, settings.side, "ganomaly")
        if fault := settings.fault(self.side):
            raise PipelineError(f"detectors.ganomaly.{fault}")
        learner = self._game(CentralViews(images, train, self.side, self.place), seed)
        saved = saved_state(scratch, settings, images, (train, held_out), seed, self.place)
        schedule = Schedule.of_epochs(settings.epochs, len(train), settings.batch_size, settings.report_every)
        held_out_loss = (lambda: learner.mean_loss(images, held_out)) if len(held_out) else None
        order = derived_seed(seed, "ganomaly", "order")
        history = Loop(learner, len(train), schedule, order, saved, "ganomaly", held_out_loss).run()
        self.generator.eval()
        return history

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; from 0 on."""
        check_trained_side(images, self.image_channels, self.settings.side, self.side, "ganomaly")
        return over_views(images, np.arange(len(images)), self.side, self.place.device, self._distances)

    def reconstructions(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.reconstructions`."""
        check_trained_side(images, self.image_channels, self.settings.side, self.side, "ganomaly")
        return reconstructed(images, self.side, self.place.device, lambda x: self.generator(x)[0])

    def save(self, path: Path) -> None:
        """Write the generator."""
        generator = {name: value.cpu() for name, value in self.generator.state_dict().items()}
        learnt = {"network_side": self.side, "generator": generator}
        write_model(path, self.settings, self.image_channels, self.preparation, **learnt)

    @classmethod
    def load(cls, path: Path, settings: GanomalySettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = GanomalySettings.model_validate_json(content["settings"])
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            detector.side = trained_side(content["network_side"], own)
            detector.generator = detector._new_generator()
            detector.generator.load_state_dict(content["generator"])
            detector.generator.eval()
        return detector

    def _new_generator(self) -> Generator:
        settings = self.settings
        made = Generator(self.image_channels, self.side, settings.width, settings.latent_dim)
        return made.to(self.place.device)

    def _game(self, views: CentralViews, seed: int) -> Game:
        """Networks with the initial weights of this seed, about to play."""
        initial = torch.Generator().manual_seed(derived_seed(seed, "ganomaly", "initialisation"))
        self.generator = self._new_generator()
        discriminator = Discriminator(self.image_channels, self.side, self.settings.width).to(self.place.device)
        for network in (self.generator, discriminator):
            initialise(network, initial)
        return Game(self.generator, discriminator, views, self.settings, noise_generator(seed, "ganomaly"))

    def _distances(self, views: Tensor) -> Tensor:
        _, codes, again = self.generator(views)
        return squared_differences(again, codes)


DETECTOR = Ganomaly
