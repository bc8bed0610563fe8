import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import Calibration, calibration_of, q_values

scores = arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 10, width=16))
levels = st.floats(0.01, 0.5)


def of(*normals: float) -> Calibration:
    return Calibration(np.sort(np.array(normals, np.float64)))


def test_a_p_value_counts_the_normals_that_score_as_high() -> None:
    known = of(1, 2, 3, 3)
    assert known.p_values(np.array([0, 1, 3, 4])).tolist() == [5 / 5, 5 / 5, 3 / 5, 1 / 5]
    assert known.percentiles(np.array([0, 1, 2.5, 3, 4])).tolist() == [0, 0, 50, 50, 100]


@given(scores, scores, levels)
def test_what_reaches_the_threshold_is_not_flagged_and_what_is_above_is(
    normals: np.ndarray, asked: np.ndarray, alpha: float
) -> None:
    known = Calibration(np.sort(normals))
    threshold = known.threshold(alpha)
    expected = np.zeros(len(asked), bool) if threshold is None else asked > threshold
    assert known.flagged(asked, alpha).tolist() == expected.tolist()


@given(scores, scores)
def test_p_values_fall_with_the_score_and_are_never_zero(normals: np.ndarray, asked: np.ndarray) -> None:
    found = Calibration(np.sort(normals)).p_values(np.sort(asked))
    assert (np.diff(found) <= 0).all()
    assert ((found > 0) & (found <= 1)).all()


def test_p_values_of_normals_are_uniform_and_few_are_flagged() -> None:
    draws, found = np.random.default_rng(0), []
    for _ in range(400):
        drawn = draws.normal(size=60)
        found.append(Calibration(np.sort(drawn[:59])).p_values(drawn[59:])[0])
    # each of the 60 possible values is as probable as any other
    assert stats.kstest(np.array(found) - draws.uniform(0, 1 / 60, 400), "uniform").pvalue > 0.01
    assert abs((np.array(found) <= 0.05).mean() - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(("count", "there"), [(18, False), (19, True), (20, True)])
def test_below_19_normals_there_is_no_threshold_of_5_percent(count: int, there: bool) -> None:
    known = Calibration(np.arange(count, dtype=float))
    assert (known.threshold(0.05) is not None) is there
    assert known.flagged(np.array([1e9]), 0.05).tolist() == [there]


def test_of_each_patient_one_image_counts_whatever_the_others_score() -> None:
    ids, groups = pd.Series([f"image {k}" for k in range(60)]), pd.Series([f"patient {k // 3}" for k in range(60)])
    values = np.arange(60, dtype=float)
    known = calibration_of(values, ids, groups)
    assert len(known.normals) == 20
    assert sorted({int(score) // 3 for score in known.normals}) == [*range(20)]
    order = np.random.default_rng(0).permutation(60)
    again = calibration_of(values[order], ids[order].reset_index(drop=True), groups[order].reset_index(drop=True))
    np.testing.assert_array_equal(again.normals, known.normals)


def test_a_score_that_is_no_number_names_the_image() -> None:
    with pytest.raises(PipelineError, match="the score of b is not finite"):
        calibration_of(np.array([1, np.nan]), pd.Series(["a", "b"]), pd.Series(["a", "b"]))


@given(arrays(np.float64, st.integers(0, 30), elements=st.floats(1e-6, 1)))
def test_q_values_are_those_of_scipy(p_values: np.ndarray) -> None:
    expected = stats.false_discovery_control(p_values) if len(p_values) else []
    np.testing.assert_allclose(q_values(p_values), expected)
