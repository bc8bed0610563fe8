import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detectors.patchcore import coreset
from pipeline.detectors.patchcore.coreset import even_sample, k_centre, projected

CPU = torch.device("cpu")


def textbook(points: np.ndarray, count: int, first: int) -> tuple[list[int], float]:
    """Greedy k-centre, all distances anew at every step."""
    chosen = [first]
    while True:
        distances = np.linalg.norm(points[:, None].astype(np.float64) - points[chosen], axis=2).min(1)
        if len(chosen) == count:
            return chosen, distances.max()
        chosen.append(int(distances.argmax()))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70), st.integers(0, 99))
def test_chooses_the_points_of_the_textbook(points: int, count: int, active: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = rng.normal(100, 1, (points, 4)).astype(np.float32)
    count, first = min(count, points), int(rng.integers(points))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coreset, "ACTIVE", active)
        chosen, radius = k_centre(drawn, count, first, CPU)
    expected, largest = textbook(drawn, count, first)
    assert chosen.tolist() == expected
    assert radius == pytest.approx(largest, abs=1e-3)


def test_of_equal_points_none_is_chosen_twice() -> None:
    chosen, radius = k_centre(np.ones((9, 3), np.float32), 6, 2, CPU)
    assert len(set(chosen.tolist())) == 6
    assert radius == 0


def test_numbers_whose_squares_are_infinite_come_to_an_end() -> None:
    points = (np.arange(1, 11).reshape(5, 2) * 1e30).astype(np.float32)
    assert len(k_centre(points, 5, 0, CPU)[0]) == 5


@given(st.integers(1, 30), st.integers(1, 9), st.integers(1, 400))
def test_images_give_equally_many_candidates_whatever_the_batches(images: int, positions: int, most: int) -> None:
    def sampled(batch: int) -> list[list[int]]:
        draws = np.random.default_rng(0)
        starts = range(0, images, batch)
        parts = [even_sample(images, s, min(s + batch, images), positions, most, draws) for s in starts]
        return [image.tolist() for part in parts for image in part]

    whole = sampled(images)
    counts = [len(image) for image in whole]
    assert sum(counts) == min(most, images * positions)
    assert max(counts) - min(counts) <= 1
    assert all(len(set(image)) == len(image) and set(image) <= set(range(positions)) for image in whole)
    assert sampled(2) == whole


def test_a_projection_nearly_keeps_how_distances_compare() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2000)).astype(np.float32) * np.linspace(0.2, 3, 30)[:, None]
    low = projected(points.astype(np.float32), 128, np.random.default_rng(1))
    assert low.shape == (30, 128)
    before, after = (np.linalg.norm(p[:, None] - p, axis=2)[np.triu_indices(30, 1)] for p in (points, low))
    assert np.corrcoef(before, after)[0, 1] > 0.97
    assert projected(low, 128, np.random.default_rng(1)) is low
