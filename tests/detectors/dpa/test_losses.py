import numpy as np
import pytest
import torch

from pipeline.detectors.dpa.losses import ReconstructionLoss
from pipeline.detectors.dpa.settings import LossWeights
from pipeline.detectors.dpa.statistics import Statistics
from pipeline.features.backbones import Backbone, load_backbone
from pipeline.features.statistics import FeatureStatistics


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("efficientnet_lite0", None)


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    g = torch.Generator().manual_seed(1)
    return {
        r: {"expand1": FeatureStatistics(torch.rand(96, generator=g), 0.5 + torch.rand(96, generator=g))}
        for r in (8, 16)
    }


def weights(perceptual: float, l1: float) -> LossWeights:
    return LossWeights(perceptual=perceptual, l1=l1, adversarial=0)


def equation_1(backbone: Backbone, statistics: FeatureStatistics, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    mean, std = statistics.mean.numpy()[:, None, None], statistics.std.numpy()[:, None, None]
    fx, fy = ((backbone(images, ["expand1"])[0].numpy() - mean) / std for images in (x, y))
    return np.array([np.abs(a - b).sum() / np.abs(a).sum() for a, b in zip(fx, fy, strict=True)])


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_a_transition_minimises_equation_3(
    backbone: Backbone, statistics: Statistics, images: torch.Tensor, alpha: float
) -> None:
    other = images.flip(0)

    def down(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)

    high = equation_1(backbone, statistics[16]["expand1"], images, other)
    low = equation_1(backbone, statistics[8]["expand1"], down(images), down(other))
    found = ReconstructionLoss(weights(1, 0), backbone, statistics)(images, other, torch.tensor(alpha))
    np.testing.assert_allclose(found.numpy(), alpha * high + (1 - alpha) * low, rtol=1e-4)


def test_losses_add_up_with_their_weights(backbone: Backbone, statistics: Statistics, images: torch.Tensor) -> None:
    other = images.flip(0)
    perceptual = ReconstructionLoss(weights(1, 0), backbone, statistics)(images, other)
    l1 = (images - other).abs().mean((1, 2, 3))
    both = ReconstructionLoss(weights(2, 0.5), backbone, statistics)
    torch.testing.assert_close(both(images, other), 2 * perceptual + 0.5 * l1)
    torch.testing.assert_close(both.error_map(images, other).mean((1, 2)), both(images, other), rtol=0.02, atol=0)


def test_l1_alone_needs_no_perceptual_network(images: torch.Tensor) -> None:
    loss = ReconstructionLoss(weights(0, 1), None, {})
    other = images.flip(0)
    torch.testing.assert_close(loss(images, other), (images - other).abs().mean((1, 2, 3)))
    torch.testing.assert_close(loss(images, other, torch.tensor(0.5)), loss(images, other))
    torch.testing.assert_close(loss.error_map(images, other), (images - other).abs()[:, 0])
