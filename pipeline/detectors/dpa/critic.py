"""The adversarial loss of the ablation (paper §IV-F, table 4): a Wasserstein critic with gradient penalty."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from pipeline.detectors.dpa.autoencoder import Architecture, Encoder
from pipeline.detectors.residual import initialise
from pipeline.detectors.wasserstein import Critic, adversarial_loss, critic_loss

STEPS = 2  # of the critic per step of the autoencoder


def build_critic(architecture: Architecture) -> Encoder:
    """Return the critic: the autoencoder's encoder, carried on down to one number per image."""
    smallest = 4
    further = (architecture.base // smallest).bit_length() - 1
    channels = [*architecture.channels, *[architecture.channels[-1]] * further]
    critic = Encoder(
        Architecture(
            architecture.depth,
            architecture.image_channels,
            channels,
            architecture.resolution,
            architecture.first_resolution,
            latent_dim=1,
            latent_size=1,
        )
    )
    return critic.apply(initialise)


@dataclass(frozen=True)
class LearningCritic:
    """A critic that learns beside the autoencoder.

    Attributes:
        critic: D.
        network: The autoencoder g.
        optimiser: Of the critic's weights.
        weight: Of its opinion in the autoencoder's loss.
    """

    critic: nn.Module
    network: nn.Module
    optimiser: torch.optim.Optimizer
    weight: float

    def learn(self, x: Tensor, mixing: Tensor, alpha: Tensor | None) -> None:
        """Train the critic one step on what is shown, (N, C, R, R), and what the autoencoder makes of it."""
        with torch.no_grad():
            reconstructed = self.network(x, alpha)
        self.critic.requires_grad_(True)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(critic_loss(self._with(alpha), x, reconstructed, mixing))
        self.optimiser.step()

    def opinion(self, reconstructed: Tensor, alpha: Tensor | None) -> Tensor:
        """What the autoencoder minimises of it, weighted; no gradient reaches the critic."""
        self.critic.requires_grad_(False)
        return self.weight * adversarial_loss(self._with(alpha), reconstructed)

    def _with(self, alpha: Tensor | None) -> Critic:
        return partial(self.critic, alpha=alpha)
