"""One step of training: show images, reconstruct them, compare in features, and move the weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.compute.processes import Processes
from pipeline.detectors.dpa.critic import LearningCritic
from pipeline.detectors.dpa.growth import Phase
from pipeline.detectors.dpa.shown import Shown
from pipeline.detectors.dpa.targets import PhaseTargets
from pipeline.features.views import Draws


@dataclass(frozen=True)
class PhaseWork:
    """What the steps of one phase work with.

    Attributes:
        phase: The phase.
        shown: The images.
        targets: f(x) of what the phase shows.
        network: The autoencoder g, whose gradients are averaged over the processes.
        optimiser: Of its weights.
        loss: Of each image, see :meth:`pipeline.detectors.dpa.losses.ReconstructionLoss.against`.
        critic: That of the adversarial loss, or None.
        processes: Those that train together.
    """

    phase: Phase
    shown: Shown
    targets: PhaseTargets
    network: nn.Module
    optimiser: torch.optim.Optimizer
    loss: Callable[..., Tensor]
    critic: LearningCritic | None
    processes: Processes


def training_step(work: PhaseWork, draws: Draws, alpha: Tensor | None) -> Tensor:
    """Train the autoencoder on the last of the drawn batches, after the critic on those before it.

    Args:
        work: Of the phase.
        draws: Of all batches of the step, this process's share, on the device.
        alpha: Share of the high resolution in a transition, a scalar; None in a stable phase.

    Returns:
        The mean reconstruction loss of the batch over all processes, a scalar.
    """
    *of_critic, batch = draws.one_by_one()
    if work.critic:
        for other in of_critic:
            work.critic.learn(work.shown.drawn(other, work.phase.resolution, alpha), other.mixing, alpha)
    x = work.shown.drawn(batch, work.phase.resolution, alpha)
    targets, low_targets = work.targets.of(x, batch.numbers, alpha)  # f(x), in a transition also f(down(x))
    reconstructed = work.network(x, alpha)  # x̌ = g(x)
    reconstruction = work.loss(x, targets, low_targets, reconstructed, alpha).mean()  # equations 1 to 3
    loss = reconstruction + work.critic.opinion(reconstructed, alpha) if work.critic else reconstruction
    work.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    work.optimiser.step()
    return work.processes.mean(reconstruction.detach())
