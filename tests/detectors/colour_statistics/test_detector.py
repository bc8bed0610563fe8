from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.compute.device import Workplace
from pipeline.detectors.colour_statistics.detector import ColourStatistics
from pipeline.detectors.colour_statistics.settings import ColourStatisticsSettings
from pipeline.errors import PipelineError


@pytest.fixture
def pink() -> np.ndarray:
    """Tiles whose colours vary little around pink."""
    rng = np.random.default_rng(0)
    colour = np.array([220, 120, 180]) + rng.normal(0, 5, (60, 1, 1, 3))
    return np.clip(colour + rng.normal(0, 20, (60, 8, 8, 3)), 0, 255).astype(np.uint8)


def fitted(images: np.ndarray, train: int = 50, side: int | None = None) -> ColourStatistics:
    settings = ColourStatisticsSettings(side=side)
    detector = ColourStatistics(settings, images.shape[3], Workplace(), {"made": "in a test"})
    detector.fit(images, np.arange(train), np.arange(0), seed=0)
    return detector


def test_another_colour_is_far_from_those_of_training(pink: np.ndarray) -> None:
    score = fitted(pink).score
    usual, odd = score(pink[50:]), score(pink[50:, ..., [1, 2, 0]])
    assert odd.min() > 10 * usual.max()


def test_flatter_colours_are_far_too(pink: np.ndarray) -> None:
    score = fitted(pink).score
    flat = np.broadcast_to(pink[50:].mean((1, 2), keepdims=True), pink[50:].shape).astype(np.uint8)
    assert score(flat).min() > 10 * score(pink[50:]).max()


def test_only_the_scored_middle_of_the_training_rows_counts(pink: np.ndarray) -> None:
    changed = pink.copy()
    changed[:, 0], changed[50:] = 0, 255
    expected, scores = (fitted(images, side=4).score(pink) for images in (pink, changed))
    np.testing.assert_allclose(scores, expected)
    assert not np.allclose(fitted(changed).score(pink), expected)


def test_images_without_any_spread_can_be_compared() -> None:
    grey = np.full((5, 4, 4, 1), 100, np.uint8)
    assert np.isfinite(fitted(grey, 5).score(grey)).all()


def test_a_loaded_detector_scores_as_the_saved_one(tmp_path: Path, pink: np.ndarray) -> None:
    detector = fitted(pink, side=4)
    detector.save(tmp_path / "model.pt")
    loaded = ColourStatistics.load(tmp_path / "model.pt", ColourStatisticsSettings(), Workplace())
    np.testing.assert_array_equal(loaded.score(pink), detector.score(pink))


def test_a_model_of_something_else_is_one_sentence(tmp_path: Path) -> None:
    torch.save({"settings": "{}", "network": {}}, tmp_path / "model.pt")
    with pytest.raises(PipelineError, match=r"model\.pt is not a whole model of this version: train again$"):
        ColourStatistics.load(tmp_path / "model.pt", ColourStatisticsSettings(), Workplace())
