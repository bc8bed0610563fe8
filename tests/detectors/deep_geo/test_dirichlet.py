import numpy as np
import pytest
from scipy.special import psi
from scipy.stats import dirichlet

from pipeline.detectors.deep_geo.dirichlet import SHARPEST, inverse_psi, most_likely, normality

KINDS = {"blunt": [0.3, 0.7, 0.2, 1.1], "sure": [50.0, 0.4, 0.6, 0.3], "sharp": [900.0, 2000.0, 40.0, 700.0]}


def drawn(alpha: np.ndarray, count: int = 400) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(alpha, count).clip(1e-280)


def likelihood(alpha: np.ndarray, samples: np.ndarray) -> float:
    return float(dirichlet.logpdf((samples / samples.sum(1, keepdims=True)).T, alpha).sum())


@pytest.mark.parametrize("alpha", KINDS.values(), ids=KINDS)
def test_no_parameters_are_likelier_than_the_most_likely_ones(alpha: list[float]) -> None:
    samples = drawn(np.array(alpha))
    best = most_likely(np.log(samples).mean(0))
    most = likelihood(best, samples)
    assert most >= likelihood(np.array(alpha), samples)
    for step in np.random.default_rng(1).normal(0, 1, (40, 4)):
        for size in (1e-3, 1e-2, 0.3):
            assert most > likelihood(best * np.exp(size * step), samples)


@pytest.mark.parametrize("alpha", KINDS.values(), ids=KINDS)
def test_many_samples_give_their_own_parameters_back(alpha: list[float]) -> None:
    found = most_likely(np.log(drawn(np.array(alpha), 20_000)).mean(0))
    np.testing.assert_allclose(found, alpha, rtol=0.05)


def test_they_are_where_minkas_fixed_point_iteration_goes() -> None:
    mean_log = np.log(drawn(np.array(KINDS["blunt"]))).mean(0)
    alpha = np.ones(4)
    for _ in range(1000):
        alpha = inverse_psi(psi(alpha.sum()) + mean_log)
    np.testing.assert_allclose(most_likely(mean_log), alpha, rtol=1e-9)


def test_the_inverse_of_psi_is_one() -> None:
    y = np.array([-1e6, -500.0, -2.23, -2.22, -0.5, 0.0, 3.0, 25.0])
    np.testing.assert_allclose(psi(inverse_psi(y)), y, rtol=1e-12, atol=1e-12)


def test_answers_that_are_all_alike_give_the_sharpest_distribution_around_them() -> None:
    alpha = most_likely(np.log([0.2, 0.3, 0.5]))
    np.testing.assert_allclose(alpha / SHARPEST, [0.2, 0.3, 0.5], rtol=1e-6)


def test_an_answer_that_is_beyond_doubt_has_parameters() -> None:
    alpha = most_likely(np.array([0.0, -800.0, -700.0]))
    assert np.isfinite(alpha).all()
    assert (alpha > 0).all()


def test_normality_is_the_likelihood_less_what_all_answers_share() -> None:
    alpha, p = np.array([2.0, 0.5, 3.0, 1.0]), np.array([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]])
    first, second = normality(alpha, p) - dirichlet.logpdf(p.T, alpha)
    assert first == pytest.approx(second, abs=1e-4)
    assert np.isfinite(normality(alpha, np.array([1.0, 0.0, 0.0, 0.0])))
