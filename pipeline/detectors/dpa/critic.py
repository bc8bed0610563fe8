"""The adversarial loss of the ablation (paper §IV-F, table 4): a Wasserstein critic with gradient penalty.

Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, algorithm 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.detectors.dpa.autoencoder import Architecture, Encoder, initialise

STEPS = 2  # of the critic per step of the autoencoder
GRADIENT_PENALTY = 10.0
NORM_PENALTY = 0.001  # keeps the critic's answers near 0, where they would otherwise drift


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


def critic_loss(critic: nn.Module, real: Tensor, fake: Tensor, mixing: Tensor, alpha: Tensor | None) -> Tensor:
    """What the critic minimises: D(x̌) − D(x) + 10·(‖∇D(x̂)‖₂ − 1)² + 0.001·(D(x)² + D(x̌)²), means over the batch.

    Args:
        critic: D.
        real: x, (N, C, R, R).
        fake: x̌, without gradients.
        mixing: ε in [0, 1), (N,), of x̂ = ε·x + (1−ε)·x̌.
        alpha: Share of the high-resolution path, a scalar; None outside transitions.
    """
    opinion_of_real, opinion_of_fake = critic(real, alpha), critic(fake, alpha)
    share = mixing.view(-1, 1, 1, 1)
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between, alpha).sum(), between, create_graph=True)
    penalty = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    norms = opinion_of_real.square().mean() + opinion_of_fake.square().mean()
    distance = opinion_of_fake.mean() - opinion_of_real.mean()
    loss: Tensor = distance + GRADIENT_PENALTY * penalty + NORM_PENALTY * norms
    return loss


def adversarial_loss(critic: nn.Module, fake: Tensor, alpha: Tensor | None) -> Tensor:
    """What the autoencoder minimises: −D(x̌), the mean over the batch."""
    opinion: Tensor = critic(fake, alpha)
    return -opinion.mean()


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
        torch.autograd.backward(critic_loss(self.critic, x, reconstructed, mixing, alpha))
        self.optimiser.step()

    def opinion(self, reconstructed: Tensor, alpha: Tensor | None) -> Tensor:
        """What the autoencoder minimises of it, weighted; no gradient reaches the critic."""
        self.critic.requires_grad_(False)
        return self.weight * adversarial_loss(self.critic, reconstructed, alpha)
