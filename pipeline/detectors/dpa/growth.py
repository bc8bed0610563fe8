"""Progressive growth (paper §III-B): the phases of training and the images that they show."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pipeline.detectors.dpa.autoencoder import mix
from pipeline.detectors.dpa.settings import GrowthStep
from pipeline.detectors.residual import double


@dataclass(frozen=True)
class Phase:
    """A part of training at one resolution.

    Attributes:
        kind: ``transition`` (α goes linearly from 0 to 1) or ``stable``.
        resolution: Side of the images in pixels.
        iterations: Number of steps.
        batch_size: Images per step.
    """

    kind: str
    resolution: int
    iterations: int
    batch_size: int

    def alpha(self, iteration: int) -> float:
        """Share of the high-resolution path at a step counted from 0; reaches 1 at the last step."""
        return 1.0 if self.kind == "stable" else (iteration + 1) / self.iterations

    def alphas(self, device: torch.device) -> list[Tensor] | list[None]:
        """α of every step as scalars on the device, so that a step waits for no copy; None in a stable phase."""
        if self.kind == "stable":
            return [None] * self.iterations
        values = torch.tensor([self.alpha(i) for i in range(self.iterations)], dtype=torch.float32)
        return list(values.to(device).unbind())

    def __str__(self) -> str:
        return f"{self.resolution} px {self.kind}"


def phases(steps: Mapping[int, GrowthStep]) -> list[Phase]:
    """Return stable(R₀) → transition(2·R₀) → stable(2·R₀) → … → stable(R_max), without empty phases."""
    listed = [
        phase
        for side, step in steps.items()
        for phase in (
            Phase("transition", side, step.transition, step.batch_size),
            Phase("stable", side, step.stable, step.batch_size),
        )
    ]
    return [phase for phase in listed if phase.iterations]


def at_resolution(images: Tensor, resolution: int, reference: bool = False) -> Tensor:
    """Shrink images to a resolution that divides theirs.

    Args:
        images: (N, C, R, R).
        resolution: Side in pixels.
        reference: Whether to shrink as the released code does, bilinear between the four pixels around each centre,
            which leaves most of an image unread. Otherwise areas are averaged.
    """
    factor = images.shape[-1] // resolution
    if factor == 1:
        return images
    if reference:
        return F.interpolate(images, size=(resolution, resolution), mode="bilinear", align_corners=False)
    return F.avg_pool2d(images, factor)


def shown_at(images: Tensor, resolution: int, alpha: Tensor | None, reference: bool = False) -> Tensor:
    """What the network is shown in a phase; during a transition (1−α)·up(low) + α·high.

    Args:
        images: (N, C, R, R).
        resolution: The phase's side in pixels.
        alpha: Share of the high resolution, a scalar; None outside transitions.
        reference: See :func:`at_resolution`.

    Returns:
        (N, C, resolution, resolution).
    """
    high = at_resolution(images, resolution, reference)
    return high if alpha is None else mix(double(at_resolution(images, resolution // 2, reference)), high, alpha)
