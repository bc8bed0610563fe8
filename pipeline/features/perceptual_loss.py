"""The relative perceptual L1 loss (paper §III-A, equations 1 and 2)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pipeline.features.backbones import Backbone
from pipeline.features.statistics import FeatureStatistics


class Target(NamedTuple):
    """What reconstructions are compared with at one layer.

    Attributes:
        features: f(x), (N, C, h, w), in the precision of the network.
        size: The mean of |f̂(x)|, the denominator of equation 1, float32 (N,).
    """

    features: Tensor
    size: Tensor


def scaled_norm(features: Tensor, std: Tensor) -> Tensor:
    """‖f / σ‖₁ of each image, as the mean over channels and positions.

    σ is the same at all positions, so that the division can follow the mean over them.

    Args:
        features: float32 (N, C, h, w).
        std: σ, (C,).
    """
    return (features.abs().mean((2, 3)) / std).mean(1)


class RelativePerceptualL1:
    """Equation 1 of each image, L_rec(x, x̌) = ‖f̂(x) − f̂(x̌)‖₁ / ‖f̂(x)‖₁, with equation 2, f̂(x) = (f(x) − μ) / σ.

    In the difference μ cancels: f̂(x) − f̂(x̌) = (f(x) − f(x̌)) / σ. Of several layers it is the mean.

    Args:
        backbone: The network f, frozen; its precision is that of the features.
        statistics: Layer to its μ and σ.
    """

    def __init__(self, backbone: Backbone, statistics: Mapping[str, FeatureStatistics]) -> None:
        self.backbone = backbone
        self.layers = tuple(statistics)
        self.mean = [moments.mean.view(-1, 1, 1) for moments in statistics.values()]
        self.std = [moments.std for moments in statistics.values()]

    def targets(self, images: Tensor) -> list[Target]:
        """Compute what reconstructions of images (N, 1 or 3, R, R) are compared with, without gradients, by layer."""
        with torch.no_grad():
            return [
                Target(f, size=scaled_norm(f - mean, std))
                for f, mean, std in zip(self.backbone(images, self.layers), self.mean, self.std, strict=True)
            ]

    def __call__(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Return the loss, which is also the anomaly score, of each image.

        Args:
            images: x, (N, 1 or 3, R, R) in [−1, 1].
            reconstructions: x̌ of the same shape.

        Returns:
            (N,); only the numerator carries gradients, to the reconstructions.
        """
        return self.against(self.targets(images), reconstructions)

    def against(self, targets: Sequence[Target], reconstructions: Tensor) -> Tensor:
        """The loss with the side of the images computed before."""
        losses = [
            scaled_norm(difference, std) / target.size
            for difference, std, target in zip(
                self._differences(targets, reconstructions), self.std, targets, strict=True
            )
        ]
        return torch.stack(losses).mean(0)

    def error_map(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """The loss before its mean over positions, at the images' size: (N, R, R)."""
        targets = self.targets(images)
        maps = [
            (difference.abs() / std.view(-1, 1, 1)).mean(1, keepdim=True) / target.size.view(-1, 1, 1, 1)
            for difference, std, target in zip(
                self._differences(targets, reconstructions), self.std, targets, strict=True
            )
        ]
        enlarged = [F.interpolate(layer, images.shape[-2:], mode="bilinear")[:, 0] for layer in maps]
        return torch.stack(enlarged).mean(0)

    def _differences(self, targets: Sequence[Target], reconstructions: Tensor) -> list[Tensor]:
        """f(x) − f(x̌) by layer, float32 (N, C, h, w)."""
        features = self.backbone(reconstructions, self.layers)
        return [target.features - f.float() for target, f in zip(targets, features, strict=True)]
