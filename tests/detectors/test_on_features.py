"""What holds for every detector on frozen features."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from pipeline.compute.device import Workplace
from pipeline.detectors import registry
from pipeline.errors import PipelineError
from pipeline.features.backbones import load_backbone
from tests.detectors.seen import SIDE, Altered, abnormal, built, fitted, normal

SMALL: dict[str, dict[str, Any]] = {
    "deep_if": {"trees": 30},
    "knn": {},
    "mahalanobis": {},
    "padim": {"channels": 12, "smoothing": 1.0},
    "patchcore": {"dimension": 32, "candidates": 2000, "bank": 300, "smoothing": 1.0},
}
DRAWING = ("deep_if", "padim", "patchcore")
WITH_MAPS = ("padim", "patchcore")

pytestmark = pytest.mark.usefixtures("networks_read_once")
each = pytest.mark.parametrize("name", SMALL)


@each
def test_what_differs_from_normal_images_scores_higher_and_what_does_not_does_not(name: str) -> None:
    detector = fitted(name, normal(40), **SMALL[name])
    other, strange = detector.score(normal(30, seed=2)), detector.score(abnormal(30))
    assert other.dtype == np.float64
    assert roc_auc_score([0] * 30 + [1] * 30, [*other, *strange]) > 0.9
    same = roc_auc_score([0] * 30 + [1] * 30, [*detector.score(normal(30, seed=3)), *other])
    assert same == pytest.approx(0.5, abs=3 * np.sqrt(61 / (12 * 30 * 30)))


@each
def test_a_loaded_detector_scores_as_the_saved_one_whose_file_is_the_same_twice(name: str, tmp_path: Path) -> None:
    images = abnormal(5)
    for file in ("a.pt", "b.pt"):
        detector = fitted(name, normal(12), **SMALL[name])
        detector.save(tmp_path / file)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    loaded = registry.load(name, tmp_path / "a.pt", detector.settings, Workplace())
    assert np.array_equal(loaded.score(images), detector.score(images))
    if name in WITH_MAPS:
        assert np.array_equal(loaded.anomaly_maps(images), detector.anomaly_maps(images))
    loaded.save(tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "a.pt").read_bytes()


@each
def test_seeds_matter_where_something_is_drawn(name: str) -> None:
    first, second = (fitted(name, normal(12), seed, **SMALL[name]).score(abnormal(5)) for seed in (0, 1))
    assert np.array_equal(first, second) == (name not in DRAWING)


@each
def test_an_image_scores_alike_in_whatever_company(name: str) -> None:
    detector = fitted(name, normal(12), **SMALL[name])
    images = np.concatenate([normal(3, seed=5), abnormal(3)])
    alone = [detector.score(images[row : row + 1])[0] for row in range(6)]
    np.testing.assert_allclose(detector.score(images), alone, rtol=1e-4)
    assert detector.score(images[:0]).shape == (0,)


@each
def test_a_training_image_without_finite_features_is_named_and_a_scored_one_is_not_finite(name: str) -> None:
    images = normal(12)
    images[7] = 255
    detector = built(name, **SMALL[name])
    detector.seen.network = Altered(detector.seen.network, torch.nan, all_images=False)
    with pytest.raises(PipelineError, match=r"efficientnet_lite0 answers row 7 of the arm's index\.csv with numbers"):
        detector.fit(images, np.arange(12), np.arange(0), 0)
    detector.fit(images, np.delete(np.arange(12), 7), np.arange(0), 0)
    assert np.flatnonzero(~np.isfinite(detector.score(images))).tolist() == [7]


@each
def test_a_network_that_answers_nothing_is_an_error(name: str) -> None:
    detector = built(name, **SMALL[name])
    detector.seen.network = Altered(detector.seen.network, 0.0, all_images=True)
    with pytest.raises(PipelineError, match=r"efficientnet_lite0 answers 0 to all training images"):
        detector.fit(normal(12), np.arange(12), np.arange(0), 0)


@each
def test_a_model_is_not_scored_with_other_weights_nor_read_where_it_is_damaged(name: str, tmp_path: Path) -> None:
    detector = fitted(name, normal(12), **SMALL[name])
    path = tmp_path / "model.pt"
    detector.save(path)
    other = {
        key: value.clone() for key, value in load_backbone("efficientnet_lite0", None).network.state_dict().items()
    }
    other["_conv_stem.weight"] *= 2
    torch.save(other, tmp_path / "other.pth")
    settings = detector.settings.model_copy(update={"weights": str(tmp_path / "other.pth")})
    with pytest.raises(PipelineError, match=r"model\.pt was trained with other weights of efficientnet_lite0: train"):
        registry.load(name, path, settings, Workplace())
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(PipelineError, match=r"model\.pt is not a whole model"):
        registry.load(name, path, detector.settings, Workplace())


@each
def test_threads_of_numpy_change_nothing(name: str, tmp_path: Path) -> None:
    images = normal(200)
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            fitted(name, images, **SMALL[name] | {"layers": ["head"]}).save(tmp_path / f"{threads}.pt")
    assert (tmp_path / "1.pt").read_bytes() == (tmp_path / "2.pt").read_bytes()


@each
def test_a_full_memory_is_no_fault_of_the_model_nor_of_the_images(name: str, tmp_path: Path) -> None:
    detector = fitted(name, normal(12), **SMALL[name])
    detector.save(tmp_path / "model.pt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.features.backbones.EfficientNetLite0.features", full_memory)
        with pytest.raises(torch.OutOfMemoryError):
            detector.score(normal(1))
        patch.setattr("pipeline.features.frozen.frozen_network", full_memory)
        with pytest.raises(torch.OutOfMemoryError):
            registry.load(name, tmp_path / "model.pt", detector.settings, Workplace())


def full_memory(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


@each
def test_the_central_square_alone_is_seen(name: str) -> None:
    images = normal(12)
    framed = np.random.default_rng(0).integers(0, 256, (12, SIDE + 8, SIDE + 8, 1), dtype=np.uint8)
    framed[:, 4:-4, 4:-4] = images
    inside, whole = fitted(name, framed, side=SIDE, **SMALL[name]), fitted(name, images, **SMALL[name])
    np.testing.assert_allclose(inside.score(framed), whole.score(images), rtol=1e-5)
    with pytest.raises(PipelineError, match="images of 32×32 px are smaller than side, 40"):
        fitted(name, images, side=40, **SMALL[name])


@pytest.mark.parametrize("name", WITH_MAPS)
@pytest.mark.parametrize("input_size", [None, 48])
def test_maps_are_of_the_scored_square_and_bright_where_the_anomaly_is(name: str, input_size: int | None) -> None:
    detector = fitted(name, normal(40), input_size=input_size, **SMALL[name])
    maps = detector.anomaly_maps(abnormal(4))
    assert maps.shape == (4, SIDE, SIDE)
    assert maps.dtype == np.float32
    assert (maps[:, :12, :12].mean((1, 2)) > 2 * maps[:, 16:, 16:].mean((1, 2))).all()
    assert detector.anomaly_maps(normal(0)).shape == (0, SIDE, SIDE)


@each
def test_layers_must_be_the_backbones_and_not_too_deep(name: str) -> None:
    for changes, message in (
        ({"layers": ["layer1"]}, "'layer1' is not a layer of efficientnet_lite0"),
        ({"layers": ["head"], "input_size": 16}, "'head' is too deep for 16 px"),
        ({"layers": ["head", "head"]}, "names a layer twice"),
    ):
        with pytest.raises(ValidationError, match=message):
            built(name, **changes)
