"""What training minimises and scoring reports: the reconstruction loss of a phase."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.detectors.dpa.autoencoder import mix
from pipeline.detectors.dpa.settings import DpaSettings, LossWeights
from pipeline.detectors.dpa.statistics import Statistics
from pipeline.detectors.residual import halve
from pipeline.features.backbones import Backbone, frozen_network
from pipeline.features.perceptual_loss import RelativePerceptualL1, Target


def perceptual_network(settings: DpaSettings, device: torch.device) -> Backbone | None:
    """Load the network f in float32; None where the perceptual loss has no weight."""
    return frozen_network(settings.backbone, settings.weights, device) if settings.loss.perceptual else None


class ReconstructionLoss:
    """The weighted sum of relative perceptual L1, growing by equation 3, and plain L1, per image (paper §III, table 4).

    Bilinear down by two, as in equation 3, is the average of 2×2 pixels.

    Args:
        weights: Of the two.
        backbone: The network f of the perceptual loss, None where its weight is 0.
        statistics: Resolution to layer to μ and σ.
    """

    def __init__(self, weights: LossWeights, backbone: Backbone | None, statistics: Statistics) -> None:
        self.weights = weights
        self.dtype = next(backbone.parameters()).dtype if backbone else None
        self.perceptual = (
            {r: RelativePerceptualL1(backbone, layers) for r, layers in statistics.items()} if backbone else {}
        )

    @property
    def network(self) -> str:
        """The perceptual network's precision in words, for the log; nothing without one."""
        return f", perceptual network in {str(self.dtype).removeprefix('torch.')}" if self.dtype else ""

    def targets(self, images: Tensor) -> list[Target]:
        """f(x) at the images' resolution, see :meth:`RelativePerceptualL1.targets`; nothing without that loss."""
        return self.perceptual[images.shape[-1]].targets(images) if self.weights.perceptual else []

    def __call__(self, images: Tensor, reconstructions: Tensor, alpha: Tensor | None = None) -> Tensor:
        """Compute the loss of each image.

        Args:
            images: x, (N, C, R, R) in [−1, 1], as shown to the network.
            reconstructions: x̌ of the same shape.
            alpha: Share of the high-resolution loss, a scalar; None outside transitions.

        Returns:
            (N,), with gradients to the reconstructions.
        """
        low = self.targets(halve(images)) if alpha is not None else []
        return self.against(images, self.targets(images), low, reconstructions, alpha)

    def against(
        self,
        images: Tensor,
        targets: Sequence[Target],
        low_targets: Sequence[Target],
        reconstructions: Tensor,
        alpha: Tensor | None,
    ) -> Tensor:
        """The same with the targets of the images and, in a transition, of the halved images computed before."""
        terms = []
        if self.weights.perceptual:
            resolution = images.shape[-1]
            perceptual = self.perceptual[resolution].against(targets, reconstructions)
            if alpha is not None:  # equation 3: α·L(f₂(x), f₂(x̌)) + (1−α)·L(f₁(down(x)), f₁(down(x̌)))
                low = self.perceptual[resolution // 2].against(low_targets, halve(reconstructions))
                perceptual = mix(low, perceptual, alpha)
            terms.append(self.weights.perceptual * perceptual)
        if self.weights.l1:
            terms.append(self.weights.l1 * (images - reconstructions).abs().mean((1, 2, 3)))
        return torch.stack(terms).sum(0)

    def error_map(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """The loss before its mean over positions, at the images' size: (N, R, R)."""
        maps = []
        if self.weights.perceptual:
            maps.append(self.weights.perceptual * self.perceptual[images.shape[-1]].error_map(images, reconstructions))
        if self.weights.l1:
            maps.append(self.weights.l1 * (images - reconstructions).abs().mean(1))
        return torch.stack(maps).sum(0)
