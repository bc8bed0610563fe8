from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from pipeline.compute.device import Workplace
from pipeline.compute.remembered import Remembered
from pipeline.errors import PipelineError
from pipeline.features import frozen
from pipeline.features.backbones import Vgg
from pipeline.features.frozen import FrozenFeatures, check_finite, where_finite
from pipeline.features.views import to_network

pytestmark = pytest.mark.usefixtures("networks_read_once")

LAYERS = ("expand4", "expand1")


def seen(input_size: int | None = None, side: int | None = None, place: Workplace | None = None) -> FrozenFeatures:
    return FrozenFeatures("efficientnet_lite0", None, LAYERS, input_size, side, place or Workplace())


def images(count: int, side: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_maps_are_the_networks_answers_in_the_order_of_layers_and_rows() -> None:
    looking = seen()
    ((deep, shallow),) = looking.maps(images(4), np.array([2, 0]))
    with torch.no_grad():
        expected = looking.network(to_network(torch.from_numpy(images(4)[[2, 0]])), LAYERS)
    assert torch.equal(deep, expected[0])
    assert torch.equal(shallow, expected[1])
    assert deep.shape[2:] == (4, 4)
    assert shallow.shape[2:] == (16, 16)


def test_views_are_cut_first_and_resized_then() -> None:
    looking = seen(input_size=40, side=24)
    ((_, shallow),) = looking.maps(images(2))
    view = to_network(torch.from_numpy(images(2)[:, 4:28, 4:28]))
    resized = interpolate(view, (40, 40), mode="bilinear", antialias=True)
    assert torch.equal(shallow, looking.network(resized, ["expand1"])[0])
    assert looking.scored_shape(images(2)) == (24, 24)
    assert looking.input_shape(images(2)) == (40, 40)
    assert seen().input_shape(images(2)) == seen().scored_shape(images(2)) == (32, 32)


def test_batches_join_to_all_images(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = seen()
    whole = looking.pooled(images(7))
    monkeypatch.setattr(frozen, "SCORING_BATCH", 3)
    assert [len(layers[0]) for layers in looking.maps(images(7))] == [3, 3, 1]
    monkeypatch.setattr("pipeline.compute.portions.AT_ONCE", 4)
    np.testing.assert_allclose(looking.pooled(images(7)), whole, rtol=1e-4, atol=1e-5)


def test_what_is_remembered_is_what_the_network_answers() -> None:
    place = Workplace(remembered=Remembered(2**30))
    fresh, remembering = seen(), seen(place=place)
    rows = np.array([3, 0, 2])
    remembering.pooled(images(4), rows[:2])
    for _ in range(2):
        np.testing.assert_allclose(remembering.pooled(images(4), rows), fresh.pooled(images(4), rows), rtol=1e-4)
        for own, other in zip(next(remembering.maps(images(4), rows)), next(fresh.maps(images(4), rows)), strict=True):
            torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)


def test_pooled_features_are_means_over_positions_layer_after_layer() -> None:
    looking = seen()
    ((deep, shallow),) = looking.maps(images(3))
    pooled = looking.pooled(images(3))
    assert pooled.dtype == np.float32
    np.testing.assert_allclose(pooled, torch.cat([deep.mean((2, 3)), shallow.mean((2, 3))], 1), rtol=1e-6)
    assert len(looking.pooled(images(0))) == 0


def test_the_channels_of_all_layers_are_counted() -> None:
    assert seen().channels == seen(input_size=40).channels == seen().pooled(images(1)).shape[1]


def test_gray_images_are_seen_as_colourless_ones() -> None:
    gray = images(2)[..., :1]
    np.testing.assert_allclose(seen().pooled(gray), seen().pooled(gray.repeat(3, 3)), rtol=1e-5)


def test_pooled_features_are_kept_for_whoever_sees_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Workplace(features=tmp_path)
    first = seen(place=place).pooled(images(3))
    assert len(list(tmp_path.iterdir())) == 1
    with monkeypatch.context() as patch:
        patch.setattr(FrozenFeatures, "maps", lambda *_: pytest.fail("computed again"))
        assert np.array_equal(seen(place=place).pooled(images(3)), first)
    for other in (seen(input_size=48, place=place), seen(side=24, place=place)):
        assert not np.array_equal(other.pooled(images(3)), first)
    changed = images(3)
    changed[1, 0, 0, 0] ^= 1
    assert not np.array_equal(seen(place=place).pooled(changed), first)
    assert len(list(tmp_path.iterdir())) == 4


def test_images_smaller_than_the_square_or_than_the_network_takes_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PipelineError, match="images of 32×32 px are smaller than side, 33"):
        seen(side=33).pooled(images(2))
    vgg = Vgg("vgg16")
    monkeypatch.setattr(frozen, "frozen_network", lambda *_: vgg)
    looking = FrozenFeatures("vgg16", None, ["r53"], None, None, Workplace())
    with pytest.raises(
        PipelineError, match="vgg16 does not take images of 8 px at r53: set a larger `input_size`"
    ) as e:
        looking.pooled(images(2, side=8))
    assert "size" not in str(e.value).replace("`input_size`", "")  # nothing of torch's


def test_features_that_are_not_finite_name_the_row_and_score_nan() -> None:
    features = np.ones((4, 2), np.float32)
    check_finite(features, np.arange(4), "resnet18")
    features[2, 1] = np.inf
    with pytest.raises(
        PipelineError, match=r"resnet18 answers row 30 of the arm's index\.csv with numbers that are not"
    ):
        check_finite(features, np.array([10, 20, 30, 40]), "resnet18")
    with pytest.raises(PipelineError, match="resnet18 answers 0 to all training images"):
        check_finite(np.zeros((4, 2), np.float32), np.arange(4), "resnet18")
    scores = where_finite(features, lambda finite: finite.sum(1))
    np.testing.assert_array_equal(scores, [2, 2, np.nan, 2])
    assert np.isnan(where_finite(features[2:3], lambda _: pytest.fail("nothing to score"))).all()


def test_checked_maps_name_a_row_of_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = seen()
    monkeypatch.setattr(frozen, "SCORING_BATCH", 2)
    plain = looking._answers
    rows = np.array([3, 1, 4, 0])
    assert len(list(looking.checked_maps(images(5), rows))) == 2

    def answers(views: torch.Tensor) -> list[torch.Tensor]:
        deep, shallow = plain(views)
        shallow[(views == to_network(torch.from_numpy(images(5)[4:]))).all((1, 2, 3)), 5, 1, 1] = torch.nan
        return [deep, shallow]

    monkeypatch.setattr(looking, "_answers", answers)
    with pytest.raises(PipelineError, match=r"answers row 4 of the arm's index\.csv"):
        list(looking.checked_maps(images(5), rows))
    monkeypatch.setattr(looking, "_answers", lambda views: [torch.zeros(len(views), 2, 3, 3)])
    with pytest.raises(PipelineError, match="efficientnet_lite0 answers 0 to all training images"):
        list(looking.checked_maps(images(5), rows))
