import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.evaluation.curves import BINS, histogram, precision_recall_points, roc_points
from pipeline.evaluation.scores import ArmScores
from tests.evaluation.conftest import arm_scores


def test_a_roc_curve_rises_from_corner_to_corner_and_encloses_the_area(patients: ArmScores) -> None:
    test = patients.test()
    for (seed, points), scores in zip(roc_points(test, [4, 7]).groupby("seed"), test.scores["score"], strict=True):
        assert seed in (4, 7)
        assert points[["fpr", "tpr"]].iloc[[0, -1]].to_numpy().tolist() == [[0, 0], [1, 1]]
        assert points["fpr"].is_monotonic_increasing
        assert points["tpr"].is_monotonic_increasing
        area = np.trapezoid(points["tpr"], points["fpr"])
        assert area == pytest.approx(roc_auc_score(test.labels, scores), abs=5e-3)


def test_precision_is_the_share_of_abnormal_images_among_those_above(patients: ArmScores) -> None:
    test = patients.test()
    points = precision_recall_points(test, [0, 1])
    last = points.groupby("seed").tail(1)
    assert last[["recall", "precision"]].to_numpy().tolist() == [[1.0, 0.5]] * 2
    ranked = test.labels[np.argsort(-test.scores["score"][0])]
    assert points.iloc[0].tolist() == [0, ranked[0] / 20, ranked[0]]


def test_histograms_share_their_bins_and_each_class_adds_up(patients: ArmScores) -> None:
    bins = histogram(patients.test(), [0, 1])
    assert len(bins) == 2 * 2 * BINS
    assert bins.groupby(["seed", "images"])["share"].sum().tolist() == pytest.approx([1] * 4, abs=1e-4)
    assert bins["low"].nunique() == BINS


def test_curves_stay_small_however_many_images_there_are() -> None:
    many = arm_scores([0, 1] * 10_000, [str(i) for i in range(20_000)], seeds=1).test()
    assert len(roc_points(many, [0])) < 802
    assert len(precision_recall_points(many, [0])) < 2500


def test_equal_scores_everywhere_are_one_step_and_one_bin(patients: ArmScores) -> None:
    flat = dataclasses.replace(patients, scores={"score": np.ones((1, 60))}).test()
    assert roc_points(flat, [0])[["fpr", "tpr"]].to_numpy().tolist() == [[0, 0], [1, 1]]
    shares: pd.Series[float] = histogram(flat, [0])["share"]
    assert sorted(shares)[-2:] == [1, 1]
