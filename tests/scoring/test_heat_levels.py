"""Scores as levels of a picture."""

import numpy as np

from pipeline.reporting.gallery import heat
from pipeline.scoring.heat_levels import COLOURED, LEVELS, Levels, level_colours
from pipeline.scoring.slide_picture import Colours

SCALE = Colours(1.0, 3.0, "a meaning")


def test_a_level_holds_the_scores_from_its_least_to_the_next() -> None:
    levels = Levels(SCALE, 9.0)
    assert (np.diff(levels.least) > 0).all()
    assert levels.of(levels.least).tolist() == [*range(1, LEVELS + 1)]
    assert levels.of(np.nextafter(levels.least[1:], -np.inf)).tolist() == [*range(1, LEVELS)]
    assert levels.of(np.array([[-5.0, np.nan, 100.0]])).tolist() == [[1, 0, LEVELS]]


def test_colours_are_those_of_overlays_and_above_the_brightest_scores_are_still_told_apart() -> None:
    scores = np.linspace(0, 9, 1000)
    found = level_colours()[Levels(SCALE, 9.0).of(scores)].astype(int)
    expected = heat((scores - 1.0)[None], 2.0)[0].astype(int)
    assert np.abs(found - expected).max() <= 8  # a level and a half
    assert len(np.unique(Levels(SCALE, 9.0).of(scores[scores > 3]))) == LEVELS - COLOURED + 1


def test_a_slide_below_the_brightest_score_uses_no_level_above_it() -> None:
    assert Levels(SCALE, 2.9).of(np.linspace(0, 2.9, 99)).max() < COLOURED
