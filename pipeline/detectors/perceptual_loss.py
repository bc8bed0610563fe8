"""The relative perceptual L1 loss (paper §III-A, equations 1 and 2)."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.detectors.backbones import Backbone

LEAST_STD = 0.01  # share of the layer's mean σ; a filter that never answers on normal images must not divide by 0


@dataclass(frozen=True)
class FeatureStatistics:
    """μ and σ of a layer's filter responses, per channel, each float32 (C,)."""

    mean: Tensor
    std: Tensor


def feature_statistics(backbone: Backbone, layer: str, batches: Iterable[Tensor]) -> FeatureStatistics:
    """Compute μ and σ of equation 2 over images and positions.

    Args:
        backbone: The network f.
        layer: Its layer.
        batches: Images (n, 1 or 3, R, R) in [−1, 1], at least one batch.

    Returns:
        The statistics, summed in float64, on the CPU.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())  # on the CPU: not every device has float64
    with torch.no_grad():
        for images in batches:
            f = backbone(images, layer).cpu().double()
            count += f.numel() // f.shape[1]
            total = total + f.sum((0, 2, 3))
            squares = squares + f.square().sum((0, 2, 3))
    mean = total / count
    std = (squares / count - mean.square()).clamp_min(0).sqrt()
    return FeatureStatistics(mean.float(), std.clamp_min(LEAST_STD * std.mean()).float())


class RelativePerceptualL1(nn.Module):
    """L_rec(x, x̌) = ‖f̂(x) − f̂(x̌)‖₁ / ‖f̂(x)‖₁ with f̂ = (f − μ) / σ, per image.

    Args:
        backbone: The network f, frozen.
        layer: Its layer.
        statistics: μ and σ of that layer.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, layer: str, statistics: FeatureStatistics) -> None:
        super().__init__()
        self.backbone = backbone
        self.layer = layer
        self.register_buffer("mean", statistics.mean.view(1, -1, 1, 1))
        self.register_buffer("std", statistics.std.view(1, -1, 1, 1))

    def normalized_features(self, images: Tensor) -> Tensor:
        """f̂ of equation 2: (N, 1 or 3, R, R) in [−1, 1] to (N, C, h, w)."""
        f: Tensor = self.backbone(images, self.layer)
        return (f - self.mean) / self.std

    def forward(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """Equation 1: the loss, which is also the anomaly score, of each image.

        Args:
            images: x, (N, 1 or 3, R, R) in [−1, 1].
            reconstructions: x̌ of the same shape.

        Returns:
            (N,); only the numerator carries gradients, to the reconstructions.
        """
        error, size = self._error_and_size(images, reconstructions)
        return error.mean((1, 2)) / size

    def error_map(self, images: Tensor, reconstructions: Tensor) -> Tensor:
        """The loss before its mean over positions: (N, h, w), whose mean is the score."""
        error, size = self._error_and_size(images, reconstructions)
        return error / size.view(-1, 1, 1)

    def _error_and_size(self, images: Tensor, reconstructions: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            target = self.normalized_features(images)
            size = target.abs().mean((1, 2, 3))
        return (target - self.normalized_features(reconstructions)).abs().mean(1), size
