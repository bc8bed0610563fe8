from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from pipeline.evaluation.metrics import METRICS, PARTIAL, Curve, measure

Weighted = list[tuple[bool, int, int]]  # label, score (few values, so that many are equal) and weight

both_classes: st.SearchStrategy[Weighted] = st.lists(
    st.tuples(st.booleans(), st.integers(-5, 5), st.integers(0, 3)), min_size=2, max_size=40
).filter(lambda images: {label for label, _, weight in images if weight} == {True, False})


def arrays(images: Weighted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels, scores, weights = (np.array(column) for column in zip(*images, strict=True))
    return labels.astype(int), scores.astype(float), weights


def metric(name: str, images: Weighted) -> float:
    labels, scores, weights = arrays(images)
    return float(METRICS[name](Curve(labels, scores, weights[None]))[0])


def repeated(images: Weighted) -> tuple[list[int], list[int]]:
    """The scores of normal and of abnormal images, each as often as it counts."""
    return tuple([s for label, s, weight in images if label is kind for _ in range(weight)] for kind in (False, True))


@given(both_classes)
def test_the_area_is_the_chance_that_an_abnormal_image_scores_higher(images: Weighted) -> None:
    normal, abnormal = repeated(images)
    chances = [(a > n) + (a == n) / 2 for a in abnormal for n in normal]
    assert metric("roc_auc", images) == pytest.approx(np.mean(chances))


@given(both_classes)
def test_the_areas_are_those_of_scikit_learn(images: Weighted) -> None:
    labels, scores, weights = arrays(images)
    found = {name: metric(name, images) for name in METRICS}
    assert found["roc_auc"] == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights))
    expected = average_precision_score(labels, scores, sample_weight=weights)
    assert found["average_precision"] == pytest.approx(expected)
    kept = weights > 0  # scikit-learn's partial area counts a threshold of no weight as a corner
    partial = roc_auc_score(labels[kept], scores[kept], sample_weight=weights[kept], max_fpr=PARTIAL)
    assert found["partial_roc_auc"] == pytest.approx(partial)


@given(both_classes)
def test_the_operating_points_are_the_best_that_some_threshold_reaches(images: Weighted) -> None:
    normal, abnormal = repeated(images)
    points = [
        (Fraction(sum(n >= t for n in normal), len(normal)), Fraction(sum(a >= t for a in abnormal), len(abnormal)))
        for t in {*normal, *abnormal, 99}
    ]
    least = min(fpr for fpr, tpr in points if tpr >= Fraction(95, 100))
    most = max(tpr for fpr, tpr in points if fpr <= Fraction(5, 100))
    assert metric("fpr_at_95_tpr", images) == pytest.approx(float(least))
    assert metric("tpr_at_5_fpr", images) == pytest.approx(float(most))


@given(both_classes, st.randoms())
def test_no_metric_depends_on_the_order_of_images(images: Weighted, random: Random) -> None:
    shuffled = random.sample(images, len(images))
    for name in METRICS:
        assert metric(name, shuffled) == pytest.approx(metric(name, images), abs=1e-12)


@given(both_classes)
def test_an_image_that_counts_twice_is_two_images(images: Weighted) -> None:
    twice = [(label, score, 1) for label, score, weight in images for _ in range(weight)]
    for name in METRICS:
        assert metric(name, twice) == pytest.approx(metric(name, images))


def test_equal_scores_everywhere_are_guessing() -> None:
    images = [(label, 7, 1) for label in (True, False, False, False)]
    found = {name: metric(name, images) for name in METRICS}
    expected = {"roc_auc": 0.5, "average_precision": 0.25, "partial_roc_auc": 0.5}
    assert found == pytest.approx(expected | {"fpr_at_95_tpr": 1.0, "tpr_at_5_fpr": 0.0})


def test_all_runs_and_weightings_are_measured_at_once() -> None:
    rng = np.random.default_rng(0)
    labels, scores, weights = np.array([0, 1] * 20), rng.normal(size=(3, 40)), rng.integers(1, 4, (5, 40))
    found = measure(labels, scores, ["tpr_at_5_fpr", "roc_auc"], weights)
    assert found.shape == (5, 3, 2)
    one = roc_auc_score(labels, scores[2], sample_weight=weights[4])
    assert found[4, 2, 1] == pytest.approx(one)
