"""The losses of a Wasserstein critic with gradient penalty.

Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, algorithm 1.
"""

from collections.abc import Callable

import torch
from torch import Tensor

GRADIENT_PENALTY = 10.0
NORM_PENALTY = 0.001  # keeps the critic's answers near 0, where they would otherwise drift

Critic = Callable[[Tensor], Tensor]  # (N, …) to one number each


def critic_loss(critic: Critic, real: Tensor, fake: Tensor, mixing: Tensor) -> Tensor:
    """What the critic minimises: D(x̌) − D(x) + 10·(‖∇D(x̂)‖₂ − 1)² + 0.001·(D(x)² + D(x̌)²), means over the batch.

    Args:
        critic: D.
        real: x, (N, …).
        fake: x̌ of the same shape, without gradients.
        mixing: ε in [0, 1), (N,), of x̂ = ε·x + (1−ε)·x̌.
    """
    opinion_of_real, opinion_of_fake = critic(real), critic(fake)
    share = mixing.view(-1, *[1] * (real.ndim - 1))
    between = (share * real + (1 - share) * fake).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty = (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    norms = opinion_of_real.square().mean() + opinion_of_fake.square().mean()
    distance = opinion_of_fake.mean() - opinion_of_real.mean()
    loss: Tensor = distance + GRADIENT_PENALTY * penalty + NORM_PENALTY * norms
    return loss


def adversarial_loss(critic: Critic, fake: Tensor) -> Tensor:
    """What the network that makes x̌ minimises: −D(x̌), the mean over the batch."""
    return -critic(fake).mean()
