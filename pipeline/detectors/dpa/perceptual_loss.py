"""The relative perceptual L1 loss (paper §III-A, equations 1 and 2)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.dpa.statistics import FeatureStatistics
from pipeline.features.backbones import Backbone, frozen_network


class Target(NamedTuple):
    """What reconstructions are compared with at one layer.

    Attributes:
        features: f(x), (N, C, h, w), in the precision of the network.
        size: The mean of |f̂(x)|, the denominator of equation 1, float32 (N,).
    """

    features: Tensor
    size: Tensor


def perceptual_network(settings: DpaSettings, device: torch.device) -> Backbone | None:
    """Load the network f in float32; None where the perceptual loss has no weight."""
    return frozen_network(settings.backbone, settings.weights, device) if settings.loss.perceptual else None


class RelativePerceptualL1:
    """L_rec(x, x̌) = ‖f̂(x) − f̂(x̌)‖₁ / ‖f̂(x)‖₁ with f̂ = (f − μ) / σ, per image; the mean over several layers.

    Args:
        backbone: The network f, frozen; its precision is that of the features.
        statistics: Layer to its μ and σ.
    """

    def __init__(self, backbone: Backbone, statistics: Mapping[str, FeatureStatistics]) -> None:
        self.backbone = backbone
        self.layers = tuple(statistics)
        self.mean = [moments.mean for moments in statistics.values()]
        self.std = [moments.std for moments in statistics.values()]

    def targets(self, images: Tensor) -> list[Target]:
        """Compute what reconstructions of images (N, 1 or 3, R, R) are compared with, without gradients, by layer."""
        with torch.no_grad():
            found = self.backbone(images, self.layers)
            sizes = [
                ((f - mean.view(-1, 1, 1)).abs().mean((2, 3)) / std).mean(1)  # ‖f̂(x)‖₁ with equation 2 inside
                for f, mean, std in zip(found, self.mean, self.std, strict=True)
            ]
            return [Target(f, size) for f, size in zip(found, sizes, strict=True)]

    def __call__(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Equation 1: the loss, which is also the anomaly score, of each image.

        Args:
            images: x, (N, 1 or 3, R, R) in [−1, 1].
            reconstructions: x̌ of the same shape.

        Returns:
            (N,); only the numerator carries gradients, to the reconstructions.
        """
        return self.against(self.targets(images), reconstructions)

    def against(self, targets: Sequence[Target], reconstructions: Tensor) -> Tensor:
        """Equation 1 with the side of the images computed before."""
        differences = self._differences(targets, reconstructions)
        losses = [
            (difference.mean((2, 3)) / std).mean(1) / target.size
            for difference, std, target in zip(differences, self.std, targets, strict=True)
        ]
        return torch.stack(losses).mean(0)

    def error_map(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """The loss before its mean over positions, at the images' size: (N, R, R)."""
        targets = self.targets(images)
        differences = self._differences(targets, reconstructions)
        maps = [
            (difference / std.view(-1, 1, 1)).mean(1, keepdim=True) / target.size.view(-1, 1, 1, 1)
            for difference, std, target in zip(differences, self.std, targets, strict=True)
        ]
        enlarged = [F.interpolate(one, images.shape[-2:], mode="bilinear")[:, 0] for one in maps]
        return torch.stack(enlarged).mean(0)

    def _differences(self, targets: Sequence[Target], reconstructions: Tensor) -> list[Tensor]:
        """|f(x) − f(x̌)| by layer, float32 (N, C, h, w): μ cancels out of f̂(x) − f̂(x̌), σ is left to the caller."""
        found = self.backbone(reconstructions, self.layers)
        return [(target.features - f.float()).abs() for target, f in zip(targets, found, strict=True)]
