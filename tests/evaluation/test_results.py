import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.errors import PipelineError
from pipeline.evaluation.results import arm_results
from pipeline.evaluation.scores import ArmScores
from pipeline.params.evaluate import ComputeMetrics
from tests.evaluation.conftest import BASELINES, arm_scores


def with_scores(scores: ArmScores, **changed: np.ndarray) -> ArmScores:
    return dataclasses.replace(scores, scores={**scores.scores, **changed})


def results_of(scores: ArmScores, settings: ComputeMetrics, whole: str | None = None) -> dict[str, Any]:
    return arm_results(scores, range(len(scores.scores["score"])), settings, whole)


def test_metrics_are_of_the_test_split_per_seed_and_on_average(patients: ArmScores, settings: ComputeMetrics) -> None:
    results = results_of(patients, settings)
    test = patients.test()
    for name, reference in (("roc_auc", roc_auc_score), ("average_precision", average_precision_score)):
        expected = [reference(test.labels, seed) for seed in test.scores["score"]]
        assert results["metrics"][name]["seeds"] == pytest.approx(expected, abs=6e-5)
        assert results["metrics"][name]["mean"] == pytest.approx(np.mean(expected), abs=6e-5)
    assert results["seeds"] == [0, 1]
    assert results["test"] == {
        "images": 40,
        "abnormal": 20,
        "abnormal_share": 0.5,
        "groups": 20,
        "rarer_groups": 10,
        "grouped": True,
    }


def test_images_that_are_each_a_group_of_their_own_are_not_grouped(
    patients: ArmScores, settings: ComputeMetrics
) -> None:
    alone = dataclasses.replace(patients, images=patients.images.assign(group=patients.images["id"]))
    assert results_of(alone, settings)["test"]["grouped"] is False


def test_results_are_finite_numbers_or_null(patients: ArmScores, settings: ComputeMetrics) -> None:
    json.dumps(results_of(patients, settings, whole="slide"), allow_nan=False)


def test_the_same_scores_give_the_same_results(patients: ArmScores, settings: ComputeMetrics) -> None:
    assert results_of(patients, settings, whole="slide") == results_of(patients, settings, whole="slide")


def test_the_detector_is_compared_with_each_baseline(patients: ArmScores, settings: ComputeMetrics) -> None:
    good = patients.scores["score"] + 2 * patients.labels
    scores = with_scores(patients, score=good, untrained=good, pixel_l1=-good)
    baselines = results_of(scores, settings)["baselines"]
    assert list(baselines) == list(BASELINES)
    assert abs(baselines["untrained"]["detector_above"]["mean"]) == 0
    assert baselines["pixel_l1"]["detector_above"]["low"] > 0
    assert baselines["pixel_l1"]["roc_auc"]["mean"] < 0.5


def test_the_columns_of_a_detector_are_its_baselines_whatever_they_are_called(
    patients: ArmScores, settings: ComputeMetrics
) -> None:
    kept = {"score": patients.scores["score"], "nearest_neighbour": patients.scores["pixel_l1"]}
    assert list(results_of(dataclasses.replace(patients, scores=kept), settings)["baselines"]) == ["nearest_neighbour"]


def test_mean_intensity_is_taken_in_its_better_direction(patients: ArmScores, settings: ComputeMetrics) -> None:
    bright, dark = (
        results_of(with_scores(patients, mean_intensity=sign * patients.scores["score"]), settings) for sign in (1, -1)
    )
    assert bright["baselines"]["mean_intensity"] == dark["baselines"]["mean_intensity"]
    assert dark["baselines"]["mean_intensity"]["roc_auc"]["mean"] > 0.5


def test_the_threshold_is_a_quantile_of_held_out_normals(patients: ArmScores, settings: ComputeMetrics) -> None:
    point = results_of(patients, settings)["operating_point"]
    test, held_out = patients.test(), patients.scores["score"][:, 40:]
    limits = [sorted(seed)[18] for seed in held_out]  # 18 of 20 normals lie below the 19th
    assert point["thresholds"] == pytest.approx(limits, abs=6e-5)
    assert (point["held_out"], point["held_out_flagged"]) == (20, 0.05)
    flags = test.scores["score"] > np.array(limits)[:, None]
    assert point["sensitivity"]["seeds"] == pytest.approx(flags[:, test.labels == 1].mean(1), abs=6e-5)
    assert point["specificity"]["seeds"] == pytest.approx(1 - flags[:, test.labels == 0].mean(1), abs=6e-5)


def test_validation_anomalies_do_not_move_the_threshold(patients: ArmScores, settings: ComputeMetrics) -> None:
    ill = patients.images.assign(label=patients.images["label"].where(patients.images["id"] != "image_059", 1))
    score = patients.scores["score"].copy()
    score[:, 59] = 99
    one = results_of(with_scores(dataclasses.replace(patients, images=ill), score=score), settings)
    other = results_of(patients.part(np.arange(60) != 59), settings)
    assert one["operating_point"] == other["operating_point"]


def test_without_held_out_normals_there_is_no_threshold(settings: ComputeMetrics) -> None:
    scores = arm_scores([0, 1] * 10, [str(i) for i in range(20)], held_out=0)
    assert results_of(scores, settings)["operating_point"] is None


def test_slides_are_scored_by_their_mean_and_an_upper_quantile(settings: ComputeMetrics) -> None:
    tiles, slides = 10, 12
    labels = [int(slide % 2 == 1) for slide in range(slides) for _ in range(tiles)]
    scores = arm_scores(labels, [f"slide_{slide:02}" for slide in range(slides) for _ in range(tiles)], seeds=1)
    score = np.zeros((1, len(scores.labels)))
    score[0, 9 : slides * tiles : 2 * tiles] = 5  # one odd tile in each normal slide: more than its 90 % quantile sees
    score[0, [slide * tiles + k for slide in range(1, slides, 2) for k in (0, 1)]] = 1  # two mild ones in each tumour
    level = results_of(with_scores(scores, score=score), settings, whole="slide")["slides"]
    assert (level["slides"], level["abnormal"]) == (12, 6)
    assert level["mean_roc_auc"]["mean"] == 0
    assert level["upper_quantile_roc_auc"]["mean"] == 1
    assert results_of(scores, settings)["slides"] is None


def test_slides_of_a_patient_are_slides_of_their_own_and_one_group(settings: ComputeMetrics) -> None:
    scores = arm_scores([0] * 20 + [1] * 20, [f"slide_{i // 2:02}" for i in range(40)])
    patients = scores.images["group"].str.replace(r"slide_(\d).", r"patient_\1", regex=True)
    one_each = results_of(scores, settings, whole="slide")["slides"]
    shared = results_of(
        dataclasses.replace(scores, images=scores.images.assign(group=patients)), settings, whole="slide"
    )
    assert (one_each["slides"], shared["slides"]["slides"]) == (20, 20)
    assert one_each["mean_roc_auc"]["mean"] == shared["slides"]["mean_roc_auc"]["mean"]
    assert one_each["mean_roc_auc"]["low"] is not None
    assert shared["slides"]["mean_roc_auc"]["low"] is None


def test_slides_that_all_hold_a_lesion_have_no_level_of_their_own(settings: ComputeMetrics) -> None:
    scores = arm_scores([0, 1] * 10, [f"slide_{i // 2}" for i in range(20)])
    assert results_of(scores, settings, whole="slide")["slides"] is None


@pytest.mark.parametrize(("label", "absent"), [(0, "abnormal"), (1, "normal")])
def test_one_class_alone_is_an_error(settings: ComputeMetrics, label: int, absent: str) -> None:
    with pytest.raises(PipelineError, match=f"the test split holds no {absent} image"):
        results_of(arm_scores([label] * 10, ["a"] * 10), settings)


def test_one_group_alone_has_figures_without_intervals(settings: ComputeMetrics) -> None:
    results = results_of(arm_scores([0, 1] * 10, ["a"] * 20), settings)
    area = results["metrics"]["roc_auc"]
    assert (area["low"], area["high"]) == (None, None)
    assert 0 < area["mean"] < 1
    assert results["baselines"]["untrained"]["detector_above"]["low"] is None


def test_equal_scores_everywhere_are_guessing_without_interval(patients: ArmScores, settings: ComputeMetrics) -> None:
    results = results_of(with_scores(patients, score=np.ones((2, 60))), settings)
    found: dict[str, Any] = results["metrics"]["roc_auc"]
    assert found == {"mean": 0.5, "std": 0.0, "low": None, "high": None, "seeds": [0.5, 0.5]}
    assert results["operating_point"]["sensitivity"]["mean"] == 0
    assert results["operating_point"]["held_out_flagged"] == 0


def test_validation_figures_are_of_the_validation_split(patients: ArmScores, settings: ComputeMetrics) -> None:
    assert results_of(patients, settings)["validation"]["roc_auc"] is None
    ill = patients.images.assign(label=patients.images["label"].where(patients.images["id"] < "image_050", 1))
    found = results_of(dataclasses.replace(patients, images=ill), settings)["validation"]
    labels, scores = ill["label"].to_numpy()[40:], patients.scores["score"][:, 40:]
    assert found["loss"] == pytest.approx(scores[:, labels == 0].mean(), abs=6e-5)
    assert found["roc_auc"] == pytest.approx(np.mean([roc_auc_score(labels, run) for run in scores]), abs=6e-5)


def test_without_validation_images_there_is_nothing_to_choose_by(settings: ComputeMetrics) -> None:
    scores = arm_scores([0, 1] * 10, [str(i) for i in range(20)], held_out=0)
    assert results_of(scores, settings)["validation"] is None
