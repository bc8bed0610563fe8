import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from pipeline.features import neighbours
from pipeline.features.neighbours import nearest

CPU = torch.device("cpu")


def drawn(rows: int, seed: int = 0, columns: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 1, (rows, columns)).astype(np.float32)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 5), st.integers(0, 99))
def test_finds_what_a_brute_force_in_float64_finds(queries: int, bank: int, k: int, seed: int) -> None:
    k = min(k, bank)
    asked, rows = drawn(queries, seed), drawn(bank, seed + 1)
    brute = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(rows.astype(np.float64))
    distances, indices = brute.kneighbors(asked.astype(np.float64))
    ours, ours_indices = nearest(asked, rows, k, CPU)
    np.testing.assert_allclose(ours, distances, rtol=1e-6, atol=1e-6)
    assert np.array_equal(ours_indices, indices)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, rows = drawn(50), drawn(70, 1)
    whole = nearest(asked, rows, 3, CPU)
    monkeypatch.setattr(neighbours, "QUERIES", 7)
    monkeypatch.setattr(neighbours, "BANK", 2)  # fewer rows than neighbours are asked for
    for ours, theirs in zip(nearest(asked, rows, 3, CPU), whole, strict=True):
        assert np.array_equal(ours, theirs)


def test_a_row_of_the_bank_is_at_distance_zero_from_itself() -> None:
    rows = drawn(30) * 1000
    distances, indices = nearest(rows, rows, 1, CPU)
    assert not distances.any()
    assert indices[:, 0].tolist() == list(range(30))


def test_of_equal_rows_the_first_is_named() -> None:
    rows = np.ones((5, 3), np.float32)
    _, indices = nearest(rows[:2], rows, 3, CPU)
    assert indices.tolist() == [[0, 1, 2], [0, 1, 2]]
