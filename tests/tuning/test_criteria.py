import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.tuning.criteria import choose, choose_by_own_loss, judge


def above(high: np.ndarray, low: np.ndarray) -> float:
    """The chance that one of ``high`` is above one of ``low``; equal ones count half."""
    return float(np.mean([(a > b) + (a == b) / 2 for a in high for b in low]))


@given(st.lists(st.integers(0, 6), min_size=9, max_size=9), st.lists(st.integers(0, 6), min_size=1, max_size=5))
@settings(deadline=None)
def test_figures_are_what_their_definitions_say(scores: list[int], of_training: list[int]) -> None:
    values, held_out = np.array(scores, float), np.array(of_training, float)
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    known = np.array([0, 0, 0, 0, 1, 1, 0, 0, 1], bool)
    found = judge(labels, known, values, held_out)
    assert found.roc_auc == pytest.approx(above(values[known], values[labels == 0]))
    assert found.loss == pytest.approx(values[labels == 0].mean())
    assert found.aucp == pytest.approx(above(values, held_out))


def test_anomalies_that_are_not_known_count_among_the_unlabelled_only() -> None:
    labels, known = np.array([0, 0, 1, 1]), np.array([False, False, True, False])
    one, other = (judge(labels, known, np.array([1.0, 2, 3, odd]), np.array([1.5])) for odd in (0.0, 9.0))
    assert (one.roc_auc, one.loss) == (other.roc_auc, other.loss)
    assert one.aucp != other.aucp


def trials(**columns: list[float]) -> pd.DataFrame:
    count = len(columns["roc_auc"])
    known = {"trial": range(count), "state": "complete", "loss": [1.0] * count, "aucp": [0.5] * count}
    return pd.DataFrame(known | columns)


def test_each_criterion_has_its_own_best() -> None:
    table = trials(roc_auc=[0.7, 0.9, 0.8], loss=[0.2, 0.3, 0.1], aucp=[0.6, 0.5, 0.4])
    assert choose(table) == {"weakly_supervised": 1, "unsupervised": 2, "label_free": 0}


def test_of_equals_the_first_is_chosen_whatever_the_order_of_rows() -> None:
    table = trials(roc_auc=[0.7, 0.9, 0.9])
    assert choose(table.iloc[::-1])["weakly_supervised"] == 1


def test_a_trial_that_was_given_up_is_not_chosen() -> None:
    table = trials(roc_auc=[0.7, 0.9]).assign(state=["complete", "pruned"])
    assert choose(table)["weakly_supervised"] == 0


def test_losses_of_several_detectors_choose_within_each_only() -> None:
    options = ["knn, neighbours 1", "mahalanobis", "knn, neighbours 3", "padim, rule a", "padim, rule b"]
    table = trials(roc_auc=[0.7, 0.9, 0.8, 0.5, 0.5], loss=[0.3, 250.0, 0.2, 9.0, 8.0], aucp=[0.6, 0.5, 0.4, 0.7, 0.5])
    table["detector"] = options
    assert choose(table) == {"weakly_supervised": 1, "label_free": 3}
    assert choose_by_own_loss(table) == {"knn": 2, "padim": 4}
    table.loc[4, "state"] = "failed"
    assert choose_by_own_loss(table) == {"knn": 2}
    assert choose_by_own_loss(table.drop(columns="detector")) == {}


def test_criteria_that_compare_detectors_have_no_scale() -> None:
    """What any rising function makes of the scores of all images changes no figure but the loss."""
    draws = np.random.default_rng(0)
    scores, held_out, labels = draws.normal(size=40), draws.normal(size=20), np.arange(40) % 2
    one, other = (
        judge(labels, labels == 1, change(scores), change(held_out)) for change in (np.array, lambda s: np.exp(5 * s))
    )
    assert (one.roc_auc, one.aucp) == (other.roc_auc, other.aucp)
    assert one.loss != other.loss
