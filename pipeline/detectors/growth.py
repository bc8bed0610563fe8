"""Progressive growth (paper §III-B): the phases of training and what is faded in during a transition."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pipeline.detectors.autoencoder import double, halve, mix
from pipeline.detectors.perceptual_loss import RelativePerceptualL1
from pipeline.params.train import GrowthStep


@dataclass(frozen=True)
class Phase:
    """A part of training at one resolution.

    Attributes:
        kind: ``transition`` (α goes linearly from 0 to 1) or ``stable`` (α is 1).
        resolution: Side of the images in pixels.
        iterations: Number of steps.
    """

    kind: str
    resolution: int
    iterations: int

    def alpha(self, iteration: int) -> float:
        """Share of the high-resolution path at a step counted from 0; reaches 1 at the last step."""
        return 1.0 if self.kind == "stable" else (iteration + 1) / self.iterations


def phases(schedule: Sequence[GrowthStep]) -> list[Phase]:
    """Return stable(R₀) → transition(2·R₀) → stable(2·R₀) → … → stable(R_max), without empty phases."""
    listed = [
        phase
        for step in schedule
        for phase in (
            Phase("transition", step.resolution, step.transition),
            Phase("stable", step.resolution, step.stable),
        )
    ]
    return [phase for phase in listed if phase.iterations]


def at_resolution(images: Tensor, resolution: int) -> Tensor:
    """Shrink images (N, C, R, R) to a resolution that divides R, averaging areas."""
    factor = images.shape[-1] // resolution
    return images if factor == 1 else F.avg_pool2d(images, factor)


def faded_input(images: Tensor, alpha: float) -> Tensor:
    """The input of a transition: (1−α)·up(down(x)) + α·x."""
    return images if alpha == 1 else mix(double(halve(images)), images, alpha)


def growing_loss(
    high: RelativePerceptualL1,
    low: RelativePerceptualL1 | None,
    images: Tensor,
    reconstructions: Tensor,
    alpha: float,
) -> Tensor:
    """Equation 3: α·L(f₂(x), f₂(x̌)) + (1−α)·L(f₁(down(x)), f₁(down(x̌))), per image.

    Bilinear down by two is the average of 2×2 pixels.

    Args:
        high: The loss at the images' resolution.
        low: The loss at half of it; None where nothing is faded in.
        images: x, (N, C, R, R) in [−1, 1], already faded.
        reconstructions: x̌ of the same shape.
        alpha: Share of the high-resolution loss.

    Returns:
        (N,).
    """
    loss: Tensor = high(images, reconstructions)
    if low is None or alpha == 1:
        return loss
    return mix(low(halve(images), halve(reconstructions)), loss, alpha)
