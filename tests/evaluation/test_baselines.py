import numpy as np
import pytest

from pipeline.evaluation.baselines import colour_statistics, mean_intensity


def test_mean_intensity_is_the_mean_of_the_scored_middle_over_all_channels() -> None:
    pixels = np.full((2, 4, 4, 3), 255, np.uint8)
    pixels[:, 1:3, 1:3] = 0
    pixels[1, 1, 1] = 120
    assert mean_intensity(pixels, side=2).tolist() == [0.0, 30.0]


@pytest.fixture
def pink() -> np.ndarray:
    """Tiles whose colours vary little around pink."""
    rng = np.random.default_rng(0)
    colour = np.array([220, 120, 180]) + rng.normal(0, 5, (60, 1, 1, 3))
    return np.clip(colour + rng.normal(0, 20, (60, 8, 8, 3)), 0, 255).astype(np.uint8)


def test_another_colour_is_far_from_those_of_training(pink: np.ndarray) -> None:
    score = colour_statistics(pink, np.arange(50), side=8)
    usual, odd = score(pink[50:]), score(pink[50:, ..., [1, 2, 0]])
    assert odd.min() > 10 * usual.max()


def test_flatter_colours_are_far_too(pink: np.ndarray) -> None:
    score = colour_statistics(pink, np.arange(50), side=8)
    flat = np.broadcast_to(pink[50:].mean((1, 2), keepdims=True), pink[50:].shape).astype(np.uint8)
    assert score(flat).min() > 10 * score(pink[50:]).max()


def test_only_the_scored_middle_of_the_training_rows_counts(pink: np.ndarray) -> None:
    changed = pink.copy()
    changed[:, 0], changed[50:] = 0, 255
    one, other = (colour_statistics(images, np.arange(50), side=4)(pink) for images in (pink, changed))
    np.testing.assert_allclose(one, other)


def test_images_without_any_spread_can_be_compared() -> None:
    grey = np.full((5, 4, 4, 1), 100, np.uint8)
    assert np.isfinite(colour_statistics(grey, np.arange(5), side=4)(grey)).all()
