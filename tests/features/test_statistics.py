from collections.abc import Sequence

import pytest
import torch

from pipeline.errors import PipelineError
from pipeline.features.backbones import Backbone, load_backbone
from pipeline.features.statistics import feature_statistics


class Pixels(Backbone):
    """A network whose features are the images themselves."""

    def forward(self, images: torch.Tensor, layers: Sequence[str]) -> list[torch.Tensor]:
        return self.features(images, layers)

    def features(self, images: torch.Tensor, layers: Sequence[str]) -> list[torch.Tensor]:
        return [images for _ in layers]

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        pass


def test_statistics_are_those_of_all_positions_of_all_images() -> None:
    images = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    backbone = load_backbone("efficientnet_lite0", None)
    found = feature_statistics(backbone, ["expand3", "expand1"], [images[:1], images[1:]])
    for layer, channels in (("expand1", 96), ("expand3", 144)):
        features = backbone(images, [layer])[0].permute(1, 0, 2, 3).reshape(channels, -1).double()
        torch.testing.assert_close(found[layer].mean, features.mean(1).float())
        std = features.std(1, correction=0)
        torch.testing.assert_close(found[layer].std, std.clamp_min(0.01 * std.mean()).float())


def test_a_filter_that_never_answers_does_not_divide_by_zero() -> None:
    backbone = load_backbone("efficientnet_lite0", None)
    black = torch.full((2, 1, 16, 16), -1.0)
    assert (feature_statistics(backbone, ["expand1"], [black])["expand1"].std > 0).all()


def test_a_layer_that_answers_the_same_everywhere_is_an_error() -> None:
    with pytest.raises(PipelineError, match="are they all of one colour"):
        feature_statistics(Pixels(), ["any"], [torch.full((2, 1, 4, 4), 0.5)])


def test_statistics_are_exact_where_the_mean_is_far_above_the_deviation() -> None:
    features = 1000 + torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    found = feature_statistics(Pixels(), ["any"], torch.split(features, 3))["any"].std
    torch.testing.assert_close(found, features.double().std(correction=0).view(1).float())


def test_a_variance_that_rounds_to_below_zero_is_zero() -> None:
    features = torch.randn(30, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    features[:, 0] = 0.1  # the mean of its squares comes out smaller than the square of its mean
    assert feature_statistics(Pixels(), ["any"], torch.split(features, 4))["any"].std.isfinite().all()


def test_a_layer_that_answers_with_no_finite_numbers_is_an_error() -> None:
    with pytest.raises(PipelineError, match="any answers with numbers that are not finite"):
        feature_statistics(Pixels(), ["any"], [torch.full((2, 1, 4, 4), torch.inf)])
