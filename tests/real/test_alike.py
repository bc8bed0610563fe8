import numpy as np
import pytest

from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import roc_auc_figures
from pipeline.real.alike import CALIPER, alike, alike_figures

LABELS = np.repeat([0, 1], [60, 90])
DRAWS = np.random.default_rng(0)
SCORES = DRAWS.integers(0, 20, (2, 150)).astype(float) + LABELS
RESAMPLES = Resamples(LABELS, np.arange(150).astype(str), 50, 0)


def test_pairs_are_alike_up_to_a_fifth_of_a_deviation() -> None:
    values = np.array([0.0, 10.0, 0.8, 1.0, 9.2])
    labels = np.array([0, 0, 1, 1, 1])
    deviation = np.sqrt((values[:2].var() + values[2:].var()) / 2)
    assert 0.81 < CALIPER * deviation < 0.99
    assert alike(labels, values).tolist() == [[True, False], [False, False], [False, True]]


def test_of_all_pairs_it_is_the_roc_auc() -> None:
    everything = np.ones((90, 60), bool)
    ours, known = alike_figures(LABELS, SCORES, everything, RESAMPLES), roc_auc_figures(LABELS, SCORES, RESAMPLES)
    assert ours
    assert ours.seeds == pytest.approx(known.seeds)
    assert ours.samples == pytest.approx(known.samples)


def test_of_some_pairs_it_is_the_share_of_these_in_order() -> None:
    pairs = DRAWS.random((90, 60)) < 0.1
    figures = alike_figures(LABELS, SCORES, pairs, RESAMPLES)
    assert figures
    for run, area in zip(SCORES, figures.seeds, strict=True):
        above = [(run[60 + a] > run[n]) + (run[60 + a] == run[n]) / 2 for a, n in np.argwhere(pairs)]
        assert area == pytest.approx(np.mean(above))


def test_what_only_knows_how_bright_an_image_is_tells_nothing_apart_and_what_knows_more_still_does() -> None:
    bright = DRAWS.normal(LABELS * 1.2, 1)
    knows_more = bright**3 + DRAWS.normal(10 * LABELS, 5)
    figures = alike_figures(LABELS, np.stack([bright**3, knows_more]), alike(LABELS, bright), RESAMPLES)
    assert figures
    overall = roc_auc_figures(LABELS, np.stack([bright**3, knows_more]), RESAMPLES).seeds
    assert overall[0] > 0.75
    assert figures.seeds[0] == pytest.approx(0.5, abs=0.1)
    assert figures.seeds[1] > 0.8


def test_nothing_is_said_where_a_resample_has_no_such_pair() -> None:
    one = np.zeros((90, 60), bool)
    one[0, 0] = True
    assert alike_figures(LABELS, SCORES, one, RESAMPLES) is None
