"""One step of PIAD's training: the critics learn twice, then encoder and decoder once."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.detectors.piad.gradient_ratio import GradientRatio
from pipeline.detectors.piad.networks import Autoencoder, image_critic, latent_critic
from pipeline.detectors.piad.settings import PiadSettings
from pipeline.detectors.training import CentralViews, Learner, noise_generator
from pipeline.detectors.wasserstein import adversarial_loss, critic_loss

BATCHES = 3  # of a step: two for the critics, one for encoder and decoder
BETAS = (0.5, 0.99)  # of every Adam


class PiadLearner(Learner):
    """Encoder and decoder against a critic of latents and one of images.

    Args:
        settings: Of the arm.
        autoencoder: Freshly initialised, on the device.
        views: The training images.
        loss: The reconstruction loss of each image, of images and their reconstructions.
        seed: Of latents and of what the critics' gradients are taken at.
    """

    def __init__(
        self,
        settings: PiadSettings,
        autoencoder: Autoencoder,
        views: CentralViews,
        loss: Callable[[Tensor, Tensor], Tensor],
        seed: int,
    ) -> None:
        self.autoencoder, self.views, self.loss = autoencoder, views, loss
        self.settings, self.device = settings, views.device
        self.image_critic = image_critic(settings, views.store.pixels.shape[3])
        self.latent_critic = latent_critic(settings)
        self.networks = nn.ModuleDict(
            {"autoencoder": autoencoder, "image_critic": self.image_critic, "latent_critic": self.latent_critic}
        )
        self.networks.to(self.device).to(memory_format=torch.channels_last)
        rates = (settings.learning_rate, settings.critic_learning_rate, settings.critic_learning_rate)
        self.optimisers = [
            torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS, fused=True)
            for network, rate in zip(self.networks.values(), rates, strict=True)
        ]
        self.ratios = {"encoder": GradientRatio(), "decoder": GradientRatio()}
        self.noise = noise_generator(seed, "piad")

    def step(self, numbers: Tensor, iteration: int) -> Tensor:
        """See :meth:`Learner.step`; the loss is that of reconstruction."""
        *of_critics, batch = numbers
        for other in of_critics:
            self._train_critics(self.views.take(other))
        is_weighed = (iteration + 1) % self.settings.weigh_every == 0
        return self._train_autoencoder(self.views.take(batch), is_weighed)

    def state(self) -> dict[str, Any]:
        """See :meth:`Learner.state`."""
        return super().state() | {"ratios": {part: ratio.state() for part, ratio in self.ratios.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """See :meth:`Learner.restore`."""
        super().restore(state)
        for part, ratio in self.ratios.items():
            ratio.restore(state["ratios"][part])

    def _train_critics(self, x: Tensor) -> None:
        """Tell images from decoded latents, and latents from encoded images."""
        z = self._latents(len(x))
        with torch.no_grad():
            decoded, encoded = self.autoencoder.decoder(z), self.autoencoder.encoder(x)
        _, *optimisers = self.optimisers
        critics = ((self.image_critic, x, decoded), (self.latent_critic, z, encoded))
        for optimiser, (critic, real, fake) in zip(optimisers, critics, strict=True):
            mixing = torch.rand(len(x), generator=self.noise).to(self.device)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(critic_loss(critic, real, fake, mixing))
            optimiser.step()

    def _train_autoencoder(self, x: Tensor, is_weighed: bool) -> Tensor:
        """Reconstruct images, encode them to what passes for a latent, and decode latents to what passes for images."""
        encoded = self.autoencoder.encoder(x)
        reconstruction = self.loss(x, self.autoencoder.decoder(encoded)).mean()
        decoded = self.autoencoder.decoder(self._latents(len(x)))
        adversarial = adversarial_loss(self.latent_critic, encoded) + adversarial_loss(self.image_critic, decoded)
        of_reconstruction = self._gradients(reconstruction)
        of_adversary = self._gradients(adversarial)  # of the encoder by latents alone, of the decoder by images alone
        for part, ratio in self.ratios.items():
            if is_weighed:
                weights = [name for name in of_adversary if name.startswith(part) and name.endswith("weight")]
                ratio.record([of_adversary[name] for name in weights], [of_reconstruction[name] for name in weights])
            for name, parameter in getattr(self.autoencoder, part).named_parameters(prefix=part):
                parameter.grad = ratio.weight * of_reconstruction[name] + of_adversary[name]
        self.optimisers[0].step()
        return reconstruction.detach()

    def _gradients(self, loss: Tensor) -> dict[str, Tensor]:
        """Gradients of a loss to encoder and decoder, by the names of their parameters."""
        names, parameters = zip(*self.autoencoder.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, parameters, retain_graph=True), strict=True))

    def _latents(self, count: int) -> Tensor:
        """Draw latents from N(0, I), (n, latent_dim, 1, 1)."""
        return torch.randn(count, self.settings.latent_dim, 1, 1, generator=self.noise).to(self.device)
