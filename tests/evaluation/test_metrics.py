import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.evaluation.baselines import mean_intensity
from pipeline.evaluation.metrics import better_direction, mean_and_std, roc_auc, roc_points, run_metrics

both_classes = st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=2, max_size=40).filter(
    lambda pairs: len({label for label, _ in pairs}) == 2
)


@given(both_classes)
def test_the_area_is_the_chance_that_an_abnormal_image_scores_higher(pairs: list[tuple[bool, int]]) -> None:
    labels, scores = np.array([a for a, _ in pairs], int), np.array([b for _, b in pairs], float)
    difference = scores[labels == 1][:, None] - scores[labels == 0][None]
    assert roc_auc(labels, scores) == pytest.approx(np.mean((difference > 0) + 0.5 * (difference == 0)), abs=6e-5)


@given(both_classes)
def test_the_curve_rises_from_corner_to_corner_and_encloses_the_area(pairs: list[tuple[bool, int]]) -> None:
    labels, scores = np.array([a for a, _ in pairs], int), np.array([b for _, b in pairs], float)
    points = roc_points(pd.DataFrame({"split": "test", "label": labels, "score": scores}))
    assert points.iloc[0].tolist() == [0, 0]
    assert points.iloc[-1].tolist() == [1, 1]
    assert points["fpr"].is_monotonic_increasing
    assert points["tpr"].is_monotonic_increasing
    assert np.trapezoid(points["tpr"], points["fpr"]) == pytest.approx(roc_auc(labels, scores), abs=1e-4)


@pytest.mark.parametrize(("labels", "absent"), [([0, 0], "abnormal"), ([1, 1], "normal")])
def test_one_class_alone_has_no_curve(labels: list[int], absent: str) -> None:
    with pytest.raises(PipelineError, match=f"no {absent} image"):
        roc_auc(np.array(labels), np.array([0.1, 0.2]))


def test_a_score_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(PipelineError, match="NaN or infinite"):
        roc_auc(np.array([0, 1]), np.array([0.1, np.nan]))


def test_each_metric_comes_from_its_column_of_the_test_split() -> None:
    scores = pd.DataFrame(
        {
            "split": ["test"] * 4 + ["val"] * 2,
            "label": [1, 0, 0, 0, 0, 1],
            "score": [0.3, 0.4, 0.2, 0.1, 0.9, 0.1],
            "untrained": [0.2, 0.3, 0.4, 0.1, 0.1, 0.2],
            "mean_intensity": [6.0, 7.0, 8.0, 9.0, 0.0, 1.0],
        }
    )
    assert run_metrics(scores) == {
        "roc_auc": 0.6667,
        "average_precision": 0.5,
        "abnormal_share": 0.25,
        "test_images": 4,
        "untrained_roc_auc": 0.3333,
        "mean_intensity_roc_auc": 1.0,
    }


def test_the_metrics_do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.random(30) for name in ("score", "untrained", "mean_intensity")}
    scores = pd.DataFrame({"split": "test", "label": [0, 1] * 15, **columns})
    assert run_metrics(scores) == run_metrics(scores.sample(frac=1, random_state=1))


def test_a_sign_without_meaning_is_turned_to_the_better_side() -> None:
    assert better_direction(0.3) == better_direction(0.7) == 0.7


def test_one_seed_has_no_deviation() -> None:
    assert mean_and_std([0.9]) == (0.9, None)
    assert mean_and_std([0.8, 0.9, 1.0]) == (0.9, 0.1)


def test_mean_intensity_is_the_mean_of_the_scored_middle_over_all_channels() -> None:
    pixels = np.full((2, 4, 4, 3), 255, np.uint8)
    pixels[:, 1:3, 1:3] = 0
    pixels[1, 1, 1] = 120
    assert mean_intensity(pixels, side=2).tolist() == [0.0, 30.0]
