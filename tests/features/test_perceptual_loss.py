import numpy as np
import pytest
import torch

from pipeline.features.backbones import Vgg, load_backbone
from pipeline.features.perceptual_loss import RelativePerceptualL1
from pipeline.features.statistics import FeatureStatistics

LAYERS = ("expand1", "expand3")


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def statistics() -> dict[str, FeatureStatistics]:
    g = torch.Generator().manual_seed(1)
    return {
        layer: FeatureStatistics(torch.rand(channels, generator=g), 0.5 + torch.rand(channels, generator=g))
        for layer, channels in zip(LAYERS, (96, 144), strict=True)
    }


@pytest.fixture(scope="module")
def loss(statistics: dict[str, FeatureStatistics]) -> RelativePerceptualL1:
    return RelativePerceptualL1(load_backbone("efficientnet_lite0", None), {"expand1": statistics["expand1"]})


def equation_1(
    loss: RelativePerceptualL1, layer: str, statistics: FeatureStatistics, x: torch.Tensor, y: torch.Tensor
) -> np.ndarray:
    """Equations 1 and 2 written out."""
    mean, std = statistics.mean.numpy()[:, None, None], statistics.std.numpy()[:, None, None]
    fx, fy = ((loss.backbone(images, [layer])[0].numpy() - mean) / std for images in (x, y))
    return np.array([np.abs(a - b).sum() / np.abs(a).sum() for a, b in zip(fx, fy, strict=True)])


def test_the_loss_is_equation_1(
    loss: RelativePerceptualL1, statistics: dict[str, FeatureStatistics], images: torch.Tensor
) -> None:
    other = images.flip(0)
    expected = equation_1(loss, "expand1", statistics["expand1"], images, other)
    np.testing.assert_allclose(loss(images, other).numpy(), expected, rtol=1e-5)


def test_on_several_layers_it_is_the_mean_of_theirs(
    statistics: dict[str, FeatureStatistics], images: torch.Tensor
) -> None:
    other = images.flip(0)
    both = RelativePerceptualL1(load_backbone("efficientnet_lite0", None), statistics)
    expected = np.mean([equation_1(both, layer, statistics[layer], images, other) for layer in LAYERS], axis=0)
    np.testing.assert_allclose(both(images, other).numpy(), expected, rtol=1e-5)


def test_a_perfect_reconstruction_costs_nothing(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    assert loss(images, images).tolist() == [0.0] * 4


def test_an_images_loss_does_not_depend_on_its_batch(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    other = images.flip(0)
    alone = torch.cat([loss(images[i : i + 1], other[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(loss(images, other), alone)


def test_a_target_computed_before_gives_the_same_loss(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    other = images.flip(0)
    assert torch.equal(loss.against(loss.targets(images), other), loss(images, other))


def test_the_error_map_has_the_images_size_and_averages_to_the_score(
    statistics: dict[str, FeatureStatistics], images: torch.Tensor
) -> None:
    other = images.flip(0)
    both = RelativePerceptualL1(load_backbone("efficientnet_lite0", None), statistics)
    error = both.error_map(images, other)
    assert error.shape == (4, 16, 16)
    torch.testing.assert_close(error.mean((1, 2)), both(images, other), rtol=0.02, atol=0)  # but for its enlargement


def test_gradients_reach_the_reconstruction_only(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    x, y = images.clone().requires_grad_(), images.flip(0).clone().requires_grad_()
    loss(x, y).sum().backward()
    assert x.grad is None
    assert y.grad is not None
    assert y.grad.abs().sum() > 0


def test_in_bfloat16_the_loss_is_float32_and_within_a_hundredth(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    vgg = Vgg("vgg16").eval().requires_grad_(False)
    statistics = {"r22": FeatureStatistics(torch.zeros(128), torch.ones(128))}
    exact = RelativePerceptualL1(vgg, statistics)(images, images.flip(0))
    short = RelativePerceptualL1(vgg.in_precision(torch.bfloat16), statistics)(images, images.flip(0))
    assert short.dtype == torch.float32
    assert not torch.equal(short, exact)
    torch.testing.assert_close(short, exact, rtol=0.01, atol=0)
