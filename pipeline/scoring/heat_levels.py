"""The scores of a slide in the 255 levels that a page's picture and its slider have."""

from dataclasses import dataclass

import numpy as np

from pipeline.reporting.gallery import heat
from pipeline.scoring.slide_picture import Colours

LEVELS = 255  # 0 is where there is no view
COLOURED = 170  # up to this level colours change; those above, all of the brightest, tell high scores apart


@dataclass(frozen=True)
class Levels:
    """A scale of one slide, whose colours are those of all slides.

    Attributes:
        colours: Of all slides.
        top: The slide's highest score.
    """

    colours: Colours
    top: float

    @property
    def least(self) -> np.ndarray:
        """The lowest score of each level from 1 on: float64 (255,); the first holds all below it, too."""
        dark, bright = self.colours.dark, self.colours.bright
        coloured = np.linspace(dark, bright, COLOURED)
        return np.concatenate([coloured, np.linspace(bright, max(self.top, bright), LEVELS - COLOURED + 1)[1:]])

    def of(self, grid: np.ndarray) -> np.ndarray:
        """Return the level of each score: uint8 of the same shape, 0 where it is NaN."""
        found = np.searchsorted(self.least, np.nan_to_num(grid), side="right").clip(1)
        return np.where(np.isfinite(grid), found, 0).astype(np.uint8)


def level_colours() -> np.ndarray:
    """Return the colour of each level: uint8 RGB (256, 3), those of overlays."""
    along = np.concatenate([[0.0], np.linspace(0, 1, COLOURED), np.ones(LEVELS - COLOURED)])
    return np.asarray(heat(along[None], 1.0)[0])
