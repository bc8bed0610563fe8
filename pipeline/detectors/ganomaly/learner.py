"""One step of the game between generator and discriminator."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from pipeline.detectors.ganomaly.networks import Discriminator, Generator, initialise
from pipeline.detectors.ganomaly.settings import GanomalySettings
from pipeline.detectors.square_views import over_views
from pipeline.detectors.training import CentralViews, Learner

SURE = 1e-5  # a discriminator whose loss is below this teaches the generator nothing, and begins anew


class Game(Learner):
    """The generator learns to reconstruct so that neither code nor discriminator tells a difference.

    Args:
        generator: On the device.
        discriminator: There, too.
        views: The training images.
        settings: Weights of the losses, and Adam's.
        noise: Draws the weights of a discriminator that begins anew.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        views: CentralViews,
        settings: GanomalySettings,
        noise: torch.Generator,
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.networks = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
        self.views, self.settings, self.noise = views, settings, noise
        self.optimisers = [
            torch.optim.Adam(network.parameters(), lr=settings.learning_rate, betas=(settings.beta1, 0.999))
            for network in (generator, discriminator)
        ]

    def step(self, numbers: Tensor, iteration: int) -> Tensor:
        """See :meth:`Learner.step`; one batch, on which both networks take a step."""
        self.networks.train()
        x = self.views.take(numbers[0])
        features = self.discriminator.features(x)
        reconstructed, losses = self._reconstructed(x, features.detach())
        loss = losses.mean()
        self._change(0, loss)
        fake = self.discriminator.features(reconstructed.detach())
        opinions = self.discriminator.opinion(features), self.discriminator.opinion(fake)
        discriminator_loss = discrimination_loss(*opinions)
        self._change(1, discriminator_loss)
        if discriminator_loss.item() < SURE:
            initialise(self.discriminator, self.noise)
        return loss.detach()

    def mean_loss(self, images: np.ndarray, rows: np.ndarray) -> float:
        """The generator's mean loss of images that are not trained on."""
        self.networks.eval()
        side, device = self.views.side or images.shape[1], self.views.device

        def losses(x: Tensor) -> Tensor:
            return self._reconstructed(x, self.discriminator.features(x))[1]

        return float(over_views(images, rows, side, device, losses).mean())

    def _reconstructed(self, x: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstructions, and the generator's loss of each image, (n,)."""
        reconstructed, codes, again = self.generator(x)
        losses = (
            self.settings.adversarial_weight * squared_differences(self.discriminator.features(reconstructed), features)
            + self.settings.reconstruction_weight * (reconstructed - x).abs().flatten(1).mean(1)
            + self.settings.latent_weight * squared_differences(again, codes)
        )
        return reconstructed, losses

    def _change(self, number: int, loss: Tensor) -> None:
        self.optimisers[number].zero_grad()
        torch.autograd.backward(loss)
        self.optimisers[number].step()


def squared_differences(one: Tensor, other: Tensor) -> Tensor:
    """The mean squared difference of each image, (n, ...) to (n,)."""
    return (one - other).square().flatten(1).mean(1)


def discrimination_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's loss, a scalar: mean cross-entropy of both, from logits (n,)."""
    of_real = binary_cross_entropy_with_logits(real, torch.ones_like(real))
    of_fake = binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (of_real + of_fake) / 2
