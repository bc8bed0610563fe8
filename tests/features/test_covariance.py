import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from pipeline.features import covariance
from pipeline.features.covariance import ledoit_wolf


def drawn(rows: int, columns: int) -> np.ndarray:
    rng = np.random.default_rng(rows)
    return (rng.normal(3, 1, (rows, columns)) @ rng.normal(0, 1, (columns, columns))).astype(np.float32)


@pytest.mark.parametrize(("rows", "columns"), [(2, 5), (7, 20), (300, 20), (50, 1)])
def test_mean_and_precision_are_scikit_learns(monkeypatch: pytest.MonkeyPatch, rows: int, columns: int) -> None:
    monkeypatch.setattr(covariance, "BLOCK", 16)
    known, asked = drawn(rows, columns), drawn(40, columns)
    spread, reference = ledoit_wolf(known), LedoitWolf().fit(known.astype(np.float64))
    np.testing.assert_allclose(spread.mean, reference.location_, rtol=1e-9)
    np.testing.assert_allclose(spread.precision, reference.precision_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(spread.distances(asked), reference.mahalanobis(asked), rtol=1e-6)


def test_features_that_are_all_alike_are_at_distance_zero() -> None:
    known = np.ones((5, 3), np.float32)
    assert ledoit_wolf(known).distances(known).tolist() == [0.0] * 5


def test_what_is_measured_is_done_block_by_block() -> None:
    known = drawn(30, 4)
    doubled = ledoit_wolf(known, lambda rows: 2 * rows)
    np.testing.assert_allclose(doubled.mean, ledoit_wolf(2 * known).mean)
