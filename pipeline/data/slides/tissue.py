"""Tissue masks: Otsu's threshold on the thumbnail of the whole slide, then a few clean-up steps."""

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.filters import threshold_otsu

from pipeline.data.slides.settings import TissueSteps

# Least difference in mean gray between tissue and background; below it Otsu has split noise.
LEAST_CONTRAST = 8.0
# A background darker than this is no glass: the slide is black, or black where nothing was scanned.
DARKEST_BACKGROUND = 128.0


class NoTissueError(Exception):
    """Why no mask can be made of a slide; the text goes into the status table."""


@dataclass(frozen=True)
class Tissue:
    """A tissue mask.

    Attributes:
        mask: bool (rows, columns), True on tissue.
        threshold: Otsu's threshold in gray levels; tissue is at or below it.
    """

    mask: np.ndarray
    threshold: int


def find_tissue(thumbnail: np.ndarray, settings: TissueSteps) -> Tissue:
    """Find the tissue of a slide.

    Args:
        thumbnail: uint8 RGB (rows, columns, 3) of the whole slide: on a part of it, all tissue, Otsu would find
            nothing but the nuclei.

    Returns:
        The mask with its threshold.

    Raises:
        NoTissueError: If the thumbnail has no contrast or a dark background, or nothing is left of the mask.
    """
    gray = cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY)
    threshold = tissue_threshold(gray)
    mask = gray <= threshold
    mask = clear_border(mask, settings)
    mask = open_mask(mask, settings.opening)
    mask = ~drop_small(~mask, settings.smallest_hole + 1)
    mask = drop_small(mask, settings.smallest_object)
    if not mask.any():
        raise NoTissueError(
            "no tissue is left after clearing border, opening and dropping smallest_object, the steps of tissue_masks"
        )
    return Tissue(mask, threshold)


def tissue_threshold(gray: np.ndarray) -> int:
    """Return Otsu's threshold (Otsu 1979), or say why it would make no sense.

    Args:
        gray: uint8 (rows, columns).

    Raises:
        NoTissueError: If the image is constant, nearly so, or its bright part is dark.
    """
    if gray.min() == gray.max():
        raise NoTissueError(f"the slide is uniform (gray {gray.min()} everywhere)")
    threshold = int(threshold_otsu(gray))
    dark, bright = gray[gray <= threshold].mean(), gray[gray > threshold].mean()
    if bright < DARKEST_BACKGROUND:
        raise NoTissueError(f"the background is black (mean gray {bright:.0f})")
    if bright - dark < LEAST_CONTRAST:
        raise NoTissueError(f"tissue and background differ by only {bright - dark:.1f} gray levels: an empty slide?")
    return threshold


def clear_border(mask: np.ndarray, settings: TissueSteps) -> np.ndarray:
    """Clear the margins, where scanners leave edges and labels; tall masks have margins of their own."""
    border = settings.tall_border if len(mask) > settings.tall_mask else settings.border
    rows, columns = mask.shape
    inside = np.zeros_like(mask)
    inside[border.top : max(0, rows - border.bottom), border.left : max(0, columns - border.right)] = True
    return np.asarray(mask & inside)


def open_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """Open with a square of ``size`` pixels, which removes anything thinner; 0 or 1 changes nothing."""
    if size < 2:
        return mask
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    return np.asarray(opened.astype(bool))


def drop_small(mask: np.ndarray, smallest: int) -> np.ndarray:
    """Drop the 4-connected parts of fewer than ``smallest`` pixels."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    kept = statistics[:, cv2.CC_STAT_AREA] >= smallest
    kept[0] = False
    return np.asarray(kept[labels])
