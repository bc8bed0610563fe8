"""First looks at a tiny arm, with the detectors themselves."""

from typing import Any

import numpy as np
import pytest

from pipeline.arms import Arm
from pipeline.compute.device import Workplace
from pipeline.compute.remembered import Remembered
from pipeline.data.images import Images
from pipeline.detectors.registry import BASELINES
from pipeline.errors import PipelineError
from pipeline.features.frozen import FrozenFeatures
from pipeline.params.evaluate import ComputeMetrics
from pipeline.tuning.first_look import FOLDS, FirstLook, first_look, pair_area, question
from pipeline.tuning.quick import on_features
from tests.shipped import shipped
from tests.tuning.conftest import ARM, arm_index, arm_pixels

pytestmark = pytest.mark.usefixtures("networks_read_once")

SETTINGS = ComputeMetrics(held_out_quantile=0.95, slide_quantile=0.9, resamples=200, seed=0)


def arm(**detectors: dict[str, Any] | None) -> Arm:
    """The shipped arm, with other settings of some detectors; None takes their settings out."""
    content = shipped()[f"arms/{ARM}.yaml"]
    content["detectors"] |= detectors
    content["detectors"] = {name: own for name, own in content["detectors"].items() if own is not None}
    return Arm(ARM, content)


def images(anomalies: bool = True) -> Images:
    index = arm_index()
    index = index if anomalies else index[(index["split"] == "train") | (index["label"] == 0)].reset_index(drop=True)
    return Images(arm_pixels(index), index, {"unit": "patient"})


def look(of: Arm | None = None, at: Images | None = None) -> FirstLook:
    place = Workplace(remembered=Remembered(2**30))
    return first_look(of or arm(), at or images(), place, SETTINGS)


def means(found: FirstLook) -> dict[str, float]:
    return {name: float(area.seeds.mean()) for name, area in found.areas.items()}


def test_all_detectors_on_features_and_the_baselines_are_ranked() -> None:
    found = look()
    areas = means(found)
    assert sorted(areas) == sorted([*on_features(), *BASELINES])
    assert list(areas.values()) == sorted(areas.values(), reverse=True)
    assert areas["knn"] > 0.9  # bright squares on ramps
    assert (found.normals, found.anomalies, found.made, list(found.unset)) == (24, 8, False, [])
    assert all(one.size > 1000 for one in found.looked)


def test_a_detector_without_settings_is_named_and_not_looked_at() -> None:
    found = look(arm(patchcore=None))
    assert list(found.unset) == ["patchcore"]
    assert "patchcore" not in found.areas


def test_a_detector_that_fails_is_named_and_the_others_go_on() -> None:
    found = look(arm(knn={"k": 500, "layers": ["expand5"], "backbone": "efficientnet_lite0"}))
    failed = found.looked[-1]
    assert (failed.detector, failed.area) == ("knn", None)
    assert failed.reason.startswith("detectors.knn.k is 500, but there are")
    assert "mahalanobis" in found.areas


def test_where_no_detector_can_be_fitted_the_reason_is_said() -> None:
    none = dict.fromkeys(on_features())
    with pytest.raises(PipelineError, match="no detector could be fitted to demo_xrays: its file has settings"):
        look(arm(**none))


def test_each_normal_is_judged_once_by_a_model_that_saw_nothing_of_its_patient() -> None:
    asked = question(images(), None, ARM)
    index = asked.images.index
    assert (asked.judged[:, asked.labels == 0].sum(0) == 1).all()
    assert asked.judged[:, asked.labels == 1].all()
    for train, judged in zip(asked.train, asked.judged, strict=True):
        assert not set(index["group"].iloc[train]) & set(asked.groups[judged])
        assert (index["label"].iloc[train] == 0).all()
    assert not (index["split"].iloc[asked.rows] == "test").any()


class Guarded:
    """Images of which those of the test split may not be read."""

    def __init__(self, content: Images) -> None:
        self.pixels, self.forbidden = content.pixels, set(content.rows("test"))
        self.shape, self.ndim, self.dtype = content.pixels.shape, content.pixels.ndim, content.pixels.dtype

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: Any) -> np.ndarray:
        asked = np.atleast_1d(np.arange(len(self))[rows])
        assert not self.forbidden & set(asked.tolist())
        return np.asarray(self.pixels[rows])


@pytest.mark.parametrize("anomalies", [True, False])
def test_no_test_image_is_read(anomalies: bool) -> None:
    content = images(anomalies)
    guarded: Any = Guarded(content)
    assert means(look(at=Images(guarded, content.index, content.preparation))) == means(look(at=content))


def test_without_validation_anomalies_some_are_made_of_the_normals() -> None:
    found = look(at=images(anomalies=False))
    assert (found.made, found.normals, found.anomalies) == (True, 24, 24)
    asked = question(images(anomalies=False), None, ARM)
    assert np.array_equal(asked.groups[:24], asked.groups[24:])
    assert (asked.judged.sum(0) == 1).all()


def test_a_made_anomaly_takes_its_patch_from_another_patient() -> None:
    asked = question(images(anomalies=False), None, ARM)
    made: Any = asked.images.pixels
    group = images(anomalies=False).index["group"].to_numpy()
    assert (group[made._others[asked.rows[:24]]] != group[asked.rows[:24]]).all()


def test_each_image_is_shown_to_a_network_once_for_all_detectors_and_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    answers = FrozenFeatures._answers
    monkeypatch.setattr(
        FrozenFeatures, "_answers", lambda self, views: shown.append(len(views)) or answers(self, views)
    )
    look()
    # three detectors see the means of one layer, two the maps of another
    assert sum(shown) <= 2 * (24 + 8)
    assert sum(shown) > 24 + 8


def test_fewer_patients_than_folds_are_refused() -> None:
    index = arm_index().iloc[: 2 * (FOLDS - 1)].reset_index(drop=True)
    few = Images(arm_pixels(index), index, {})
    with pytest.raises(PipelineError, match=r"the training normals of demo_xrays are of 2 patients or slides, fewer"):
        look(at=few)


@pytest.mark.parametrize("anomalies", [True, False])
def test_images_of_one_value_are_refused_by_what_they_are(anomalies: bool) -> None:
    content = images(anomalies)
    blank = Images(np.full_like(content.pixels, 7), content.index, content.preparation)
    with pytest.raises(
        PipelineError, match=r"^the images of demo_xrays show nothing, all pixels of the \d+ .* are 7: "
    ):
        look(at=blank)


def test_the_area_is_the_share_of_pairs_of_all_folds_in_their_order() -> None:
    draws = np.random.default_rng(0)
    labels = np.array([0] * 6 + [1] * 4)
    judged = np.array([[k % 3 == fold for k in range(6)] + [True] * 4 for fold in range(3)])
    scores = draws.integers(0, 5, (3, 10)).astype(float)
    weights = draws.integers(0, 3, (7, 10))
    for weight, area in zip(weights, pair_area(labels, scores, judged, weights)[:, 0], strict=True):
        above = pairs = 0.0
        for fold in range(3):
            for normal in range(fold, 6, 3):
                for anomaly in range(6, 10):
                    high, low, count = scores[fold, anomaly], scores[fold, normal], weight[normal] * weight[anomaly]
                    above += count * ((high > low) + (high == low) / 2)
                    pairs += count
        assert area == pytest.approx(above / pairs)


def test_the_brighter_or_darker_side_of_a_baseline_counts() -> None:
    content = images()
    turned = Images(255 - content.pixels, content.index, content.preparation)
    one, other = (means(look(at=content))["mean_intensity"] for content in (content, turned))
    assert one == pytest.approx(other, abs=0.05)
    assert min(one, other) >= 0.5
