import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from pipeline.detectors.deep_if.forest import Forest, mean_path_length


@settings(max_examples=20)
@given(st.integers(2, 300), st.integers(1, 6), st.integers(1, 12), st.integers(2, 400), st.integers(0, 99))
def test_scores_are_those_of_scikit_learn(rows: int, columns: int, trees: int, samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, columns)).astype(np.float32).round(1)  # some are equal
    asked = np.concatenate([features, rng.normal(0, 5, (20, columns)).astype(np.float32)])
    theirs = IsolationForest(n_estimators=trees, max_samples=min(samples, rows), random_state=seed).fit(features)
    ours = Forest.grown(features, trees, samples, seed)
    np.testing.assert_allclose(ours.score(asked), -theirs.score_samples(asked), rtol=0, atol=1e-12)


def test_a_forest_of_equal_samples_parts_nothing() -> None:
    features = np.ones((10, 3), np.float32)
    assert Forest.grown(features, 5, 256, 0).score(features * 2) == pytest.approx(0.5)


def test_a_forest_is_what_its_arrays_say() -> None:
    features = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    forest = Forest.grown(features, 5, 32, 0)
    assert np.array_equal(Forest(**forest.arrays()).score(features), forest.score(features))


@pytest.mark.parametrize(
    ("samples", "length"), [(0, 0), (1, 0), (2, 1), (256, 2 * (math.log(255) + 0.5772156649015329) - 510 / 256)]
)
def test_mean_path_lengths_are_equation_1(samples: int, length: float) -> None:
    assert mean_path_length(np.array([samples]))[0] == pytest.approx(length, abs=1e-12)


def test_nodes_that_lead_back_or_out_are_no_trees() -> None:
    features = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    forest = Forest.grown(features, 5, 32, 0)
    forest.check(4)
    nodes = len(forest.left)
    for name, wrong in (("left", 0), ("right", nodes), ("start", nodes), ("start", -1), ("feature", 4), ("samples", 1)):
        arrays = forest.arrays() | {name: forest.arrays()[name].copy()}
        arrays[name][0] = wrong
        with pytest.raises(ValueError, match="these are no trees"):
            Forest(**arrays).check(4)
