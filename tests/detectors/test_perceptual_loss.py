import numpy as np
import pytest
import torch

from pipeline.detectors.backbones import Backbone, load_backbone
from pipeline.detectors.growth import growing_loss
from pipeline.detectors.perceptual_loss import FeatureStatistics, RelativePerceptualL1, feature_statistics


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture(scope="module")
def loss() -> RelativePerceptualL1:
    backbone = load_backbone("efficientnet_lite0", None)
    channels = 96
    g = torch.Generator().manual_seed(1)
    statistics = FeatureStatistics(torch.rand(channels, generator=g), 0.5 + torch.rand(channels, generator=g))
    return RelativePerceptualL1(backbone, "expand1", statistics)


def equation_1(loss: RelativePerceptualL1, x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
    mean, std = loss.mean.numpy(), loss.std.numpy()
    fx, fy = ((loss.backbone(images, loss.layer).numpy() - mean) / std for images in (x, y))
    return np.array([np.abs(a - b).sum() / np.abs(a).sum() for a, b in zip(fx, fy, strict=True)])


def test_the_loss_is_equation_1(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    other = images.flip(0)
    np.testing.assert_allclose(loss(images, other).numpy(), equation_1(loss, images, other), rtol=1e-5)


def test_a_perfect_reconstruction_costs_nothing(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    assert loss(images, images).tolist() == [0.0] * 4


def test_an_images_loss_does_not_depend_on_its_batch(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    other = images.flip(0)
    alone = torch.cat([loss(images[i : i + 1], other[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(loss(images, other), alone)


def test_the_error_map_averages_to_the_score(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    other = images.flip(0)
    torch.testing.assert_close(loss.error_map(images, other).mean((1, 2)), loss(images, other))


def test_gradients_reach_the_reconstruction_only(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    x, y = images.clone().requires_grad_(), images.flip(0).clone().requires_grad_()
    loss(x, y).sum().backward()
    assert x.grad is None
    assert y.grad is not None
    assert y.grad.abs().sum() > 0


def test_statistics_are_those_of_all_positions_of_all_images(images: torch.Tensor) -> None:
    backbone = load_backbone("efficientnet_lite0", None)
    found = feature_statistics(backbone, "expand1", [images[:1], images[1:]])
    features = backbone(images, "expand1").permute(1, 0, 2, 3).reshape(96, -1).double()
    torch.testing.assert_close(found.mean, features.mean(1).float())
    std = features.std(1, correction=0)
    torch.testing.assert_close(found.std, std.clamp_min(0.01 * std.mean()).float())


def test_a_filter_that_never_answers_does_not_divide_by_zero() -> None:
    backbone = load_backbone("efficientnet_lite0", None)
    black = torch.full((2, 1, 16, 16), -1.0)
    assert (feature_statistics(backbone, "expand1", [black]).std > 0).all()


class Pixels(Backbone):
    """A network whose features are the images themselves."""

    def forward(self, images: torch.Tensor, layer: str) -> torch.Tensor:
        return self.features(images, layer)

    def features(self, images: torch.Tensor, layer: str) -> torch.Tensor:
        return images

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        pass


def test_statistics_are_exact_where_the_mean_is_far_above_the_deviation() -> None:
    features = 1000 + torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = feature_statistics(Pixels(), "any", torch.split(features, 3)).std
    torch.testing.assert_close(found, features.double().std(correction=0).view(1).float())


def test_a_variance_that_rounds_to_below_zero_is_zero() -> None:
    features = torch.randn(30, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    features[:, 0] = 0.1  # the mean of its squares comes out smaller than the square of its mean
    assert feature_statistics(Pixels(), "any", torch.split(features, 4)).std.isfinite().all()


def test_the_growing_loss_is_equation_3(loss: RelativePerceptualL1, images: torch.Tensor) -> None:
    other = images.flip(0)

    def down(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(x, scale_factor=0.5, mode="bilinear", align_corners=False)

    for alpha in (0.0, 0.3, 1.0):
        expected = alpha * equation_1(loss, images, other) + (1 - alpha) * equation_1(loss, down(images), down(other))
        np.testing.assert_allclose(growing_loss(loss, loss, images, other, alpha).numpy(), expected, rtol=1e-4)
