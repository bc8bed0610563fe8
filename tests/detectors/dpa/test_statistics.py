from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.data.images import Images
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.dpa.statistics import (
    feature_statistics,
    measure_statistics,
    published_statistics,
)
from pipeline.errors import PipelineError
from pipeline.features.backbones import Backbone, load_backbone

CPU = torch.device("cpu")


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


def test_features_are_measured_on_images_spaced_over_the_whole_set(
    tiny_train: DpaSettings, tiny_images: Images
) -> None:
    backbone, pixels = load_backbone("efficientnet_lite0", None), tiny_images.pixels
    few = tiny_train.model_copy(update={"statistics_images": 3})
    measured = measure_statistics(few, backbone, pixels, np.arange(5), CPU)
    expected = measure_statistics(tiny_train, backbone, pixels, np.array([0, 2, 4]), CPU)
    assert set(measured) == {8, 16}
    for resolution in measured:
        assert torch.equal(measured[resolution]["expand1"].mean, expected[resolution]["expand1"].mean)


def test_without_growth_only_the_last_resolution_is_measured(tiny_train: DpaSettings, tiny_images: Images) -> None:
    settings = tiny_train.model_copy(update={"grow": False})
    backbone = load_backbone("efficientnet_lite0", None)
    assert set(measure_statistics(settings, backbone, tiny_images.pixels, np.arange(4), CPU)) == {16}


def test_a_layer_that_answers_with_no_finite_numbers_is_an_error() -> None:
    with pytest.raises(PipelineError, match="any answers with numbers that are not finite"):
        feature_statistics(Pixels(), ["any"], [torch.full((2, 1, 4, 4), torch.inf)])


def test_published_statistics_serve_every_resolution(tmp_path: Path, tiny_train: DpaSettings) -> None:
    mean, std = torch.arange(96.0), torch.full((96,), 2.0)
    torch.save({"expand1": (mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1))}, tmp_path / "published.pt")
    found = published_statistics(tmp_path / "published.pt", tiny_train, load_backbone("efficientnet_lite0", None))
    for resolution in (8, 16):
        assert torch.equal(found[resolution]["expand1"].mean, mean)
        assert torch.equal(found[resolution]["expand1"].std, std)


def test_a_file_that_holds_no_such_statistics_is_one_sentence(tmp_path: Path, tiny_train: DpaSettings) -> None:
    torch.save({"r12": (torch.zeros(3), torch.ones(3))}, tmp_path / "other.pt")
    torch.save({"expand1": torch.zeros(3)}, tmp_path / "alone.pt")
    (tmp_path / "junk.pt").write_bytes(b"no statistics")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.save(torch.zeros(3), tmp_path / "bare.pt")
    torch.save({"expand1": ("a", "b")}, tmp_path / "texts.pt")
    torch.save({"expand1": (torch.zeros(96) * torch.nan, torch.ones(96))}, tmp_path / "nan.pt")
    torch.save({"path": tmp_path}, tmp_path / "pickle.pt")
    torch.save({"expand1": (torch.zeros(96), torch.zeros(96))}, tmp_path / "zero.pt")
    torch.save({"expand1": (torch.zeros(64), torch.ones(64))}, tmp_path / "few.pt")
    backbone = load_backbone("efficientnet_lite0", None)
    for name, message in (
        ("zero", "expand1 needs 96 finite means and as many deviations above 0"),
        ("few", "expand1 needs 96 finite means"),
        ("other", "no statistics of the layer 'expand1'"),
        ("alone", "does not hold statistics"),
        ("list", "does not hold statistics: detectors.dpa.statistics must name a file of"),
        ("bare", "does not hold statistics: detectors.dpa.statistics must name a file of"),
        ("texts", "does not hold statistics: detectors.dpa.statistics must name a file of"),
        ("nan", "expand1 needs 96 finite means"),
        (
            "junk",
            "does not hold statistics, it is damaged, or holds more than tensors, numbers and texts: detectors.dpa",
        ),
        (
            "pickle",
            "does not hold statistics, it is damaged, or holds more than tensors, numbers and texts: detectors.dpa",
        ),
        ("none", "is missing"),
    ):
        with pytest.raises(PipelineError, match=message):
            published_statistics(tmp_path / f"{name}.pt", tiny_train, backbone)
