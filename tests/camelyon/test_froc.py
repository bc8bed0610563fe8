"""The free-response ROC curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.camelyon.candidates import Candidates
from pipeline.camelyon.froc import RATES, Found, Froc, found_of
from pipeline.camelyon.lesions import NO_LESIONS, Lesions


def found(lesions: list[float], false: list[float]) -> Found:
    return Found(np.array(lesions, np.float64), np.array(false, np.float64), 0)


ALL, NORMAL = [True, True, True, True], [False, False, True, True]
MISSED = -np.inf
# Two slides with three lesions, one of which nothing hits, and two without metastases.
SLIDES = [found([9, 4], [6]), found([MISSED], [3]), found([], [7, 5]), found([], [1])]


def test_a_curve_that_was_worked_out_by_hand() -> None:
    # From the highest score: 9 hit, 7 false, 6 false, 5 false, 4 hit, 3 false, 1 false; four slides, three lesions.
    rates, sensitivities = Froc(SLIDES, np.array(ALL)).curve(np.ones(4))
    assert rates.tolist() == [0, 0, 1 / 4, 2 / 4, 3 / 4, 3 / 4, 4 / 4, 5 / 4]
    assert sensitivities.tolist() == [0, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3]
    # at ¼ and ½ one of three lesions is found, from ¾ on two: (2 · ⅓ + 4 · ⅔) / 6 = 5 / 9
    assert Froc(SLIDES, np.array(ALL)).scores(np.ones((1, 4))).tolist() == pytest.approx([5 / 9])


def test_the_article_looks_at_slides_without_metastases_only() -> None:
    # Of the false ones, 7, 5 and 1 are left; two slides: 7 gives ½, 5 gives 1, and 4 is a hit at 1.
    froc = Froc(SLIDES, np.array(NORMAL))
    rates, sensitivities = froc.curve(np.ones(4))
    assert rates.tolist() == [0, 0, 1 / 2, 2 / 2, 2 / 2, 3 / 2]
    assert sensitivities.tolist() == [0, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3]
    # ¼ and ½ find one of three, 1 and more two
    assert froc.sensitivities(np.ones(4)).tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3])


def test_between_two_points_sensitivity_is_read_on_a_line() -> None:
    # Hit and false of one score are one threshold: from (0, 0) to (1 / 2, 1), so that ¼ is half way.
    froc = Froc([found([5], []), found([], [5])], np.array([True, True]))
    assert froc.sensitivities(np.ones(2)).tolist() == [0.5, 1, 1, 1, 1, 1]


def test_a_lesion_is_hit_once_by_its_best_candidate_and_isolated_cells_never() -> None:
    labels = np.zeros((4, 4), np.int32)
    labels[0, 0], labels[0, 3], labels[3, 3] = 1, 2, 3
    lesions = Lesions(labels, 10, 20, np.array([False, True, False]))
    x = np.array([10, 10, 13, 11, 50, 0]) * 32 + 31
    y = np.array([20, 20, 20, 21, 20, 0]) * 32
    candidates = Candidates(x, y, np.array([-2.0, -1.0, 9.0, 3.0, 4.0, 5.0]))
    one = found_of(candidates, lesions)
    assert one.lesions.tolist() == [-1, MISSED]
    assert sorted(one.false.tolist()) == [3, 4, 5]
    assert one.isolated == 1
    assert found_of(candidates, NO_LESIONS).false.tolist() == candidates.scores.tolist()


def test_nothing_found_is_a_score_of_zero() -> None:
    assert Froc([found([MISSED], [2]), found([], [])], np.array([True, True])).scores(np.ones((1, 2))) == [0]
    assert Froc([found([MISSED], []), found([], [])], np.array([True, True])).scores(np.ones((1, 2))) == [0]


def test_a_weighting_without_lesions_or_without_slides_to_divide_by_has_no_score() -> None:
    assert np.isnan(Froc(SLIDES, np.array(ALL)).scores(np.array([[0, 0, 2, 2]]))).all()
    assert np.isnan(Froc(SLIDES, np.array(NORMAL)).scores(np.array([[2, 2, 0, 0]]))).all()


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 0, 1], [0, 3, 2]])
def test_sensitivities_are_read_from_the_curve_however_many_thresholds_there_are(weights: list[int]) -> None:
    draws = np.random.default_rng(0)
    # most false positives on one slide, which may count for nothing
    slides = [found([*draws.normal(3, 1, 9)], [*draws.normal(0, 1, count)]) for count in (40, 4000, 40)]
    froc = Froc(slides, np.array([True, True, True]))
    expected = np.interp(RATES, *froc.curve(np.array(weights)))
    assert froc.sensitivities(np.array(weights)).tolist() == expected.tolist()
    assert 0 < expected[0] < expected[-1]


SCORES = st.lists(st.integers(1, 8).map(float), max_size=5)
LESIONS = st.lists(st.sampled_from([MISSED, 1.0, 3.0, 5.0, 8.0]), max_size=3)
SOME = st.lists(st.builds(found, LESIONS, SCORES), min_size=1, max_size=6)


@settings(deadline=None, max_examples=80)
@given(SOME, st.data())
def test_curves_rise_and_a_slide_that_counts_twice_is_there_twice(slides: list[Found], data: st.DataObject) -> None:
    slides = [*slides, found([2.0], [])]
    counted = np.array(data.draw(st.lists(st.booleans(), min_size=len(slides), max_size=len(slides))))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(slides), max_size=len(slides))))
    counted[0] = weights[0] = weights[-1] = 1
    rates, sensitivities = Froc(slides, counted).curve(weights)
    assert (np.diff(rates) >= 0).all()
    assert (np.diff(sensitivities) >= 0).all()
    assert rates[0] == sensitivities[0] == 0
    assert 0 <= sensitivities[-1] <= 1
    repeated = [slide for slide, weight in zip(slides, weights, strict=True) for _ in range(weight)]
    froc = Froc(repeated, np.repeat(counted, weights))
    assert Froc(slides, counted).sensitivities(weights) == pytest.approx(froc.sensitivities(np.ones(len(repeated))))


@settings(deadline=None, max_examples=80)
@given(SOME)
def test_sensitivities_are_those_of_counting_at_every_threshold(slides: list[Found]) -> None:
    """As the organisers count, with missed lesions at 0, whose threshold is the lowest, which they drop."""
    slides = [*slides, found([MISSED], [])]
    false = np.concatenate([slide.false for slide in slides])
    lesions = np.maximum(np.concatenate([slide.lesions for slide in slides]), 0)
    thresholds = sorted({*false, *lesions})[1:]
    rates = [(false >= threshold).sum() / len(slides) for threshold in thresholds] + [0]
    sensitivities = [(lesions >= threshold).mean() for threshold in thresholds] + [0]
    expected = np.interp(RATES, rates[::-1], sensitivities[::-1])
    froc = Froc(slides, np.ones(len(slides), bool))
    assert froc.sensitivities(np.ones(len(slides))) == pytest.approx(expected)
