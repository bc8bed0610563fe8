"""What is worth a look on a slide: hardly any tissue, pen, black parts, blur."""

import cv2
import numpy as np
from skimage.measure import blur_effect

from pipeline.compute.seeding import generator
from pipeline.data.optical_density import OPTICAL_DENSITY
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.settings import Warn

# Squares of tissue on which blur is measured, and their side in pixels at the tile scale.
PATCHES = 8
PATCH = 256
# No glass and no stained tissue is darker than this in all three channels.
BLACK = 30


def pen_share(thumbnail: np.ndarray, mask: np.ndarray) -> float:
    """Return the share of the mask that has the colour of a pen.

    Haematoxylin and eosin both absorb green most. Blue and green ink absorb red more than green; black ink absorbs
    all three strongly; red ink absorbs blue almost like green, and hardly any red.

    Args:
        thumbnail: uint8 RGB (rows, columns, 3).
        mask: bool (rows, columns), True on tissue (and on pen, which is dark, too).
    """
    red, green, blue = OPTICAL_DENSITY[thumbnail[mask]].T
    strongest = np.maximum(np.maximum(red, green), blue)
    blue_or_green_ink = (red > 1.15 * green) & (strongest > 0.3)
    black_ink = (np.minimum(red, blue) > 1.2) & (blue > 0.9 * green)
    red_ink = (blue > 0.75 * green) & (red < 0.4 * green) & (green > 0.4)
    return float((blue_or_green_ink | black_ink | red_ink).mean())


def black_share(thumbnail: np.ndarray) -> float:
    """Return the share of a thumbnail, uint8 RGB (rows, columns, 3), that is black: not scanned, or not lit."""
    return float((thumbnail.max(axis=2) < BLACK).mean())


def blurredness(slide: Slide, mask: np.ndarray, pixel: float, name: str, seed: int) -> float:
    """Return how blurred a slide is: the median over some squares of tissue of Crété-Roffet et al. 2007's measure.

    Args:
        mask: bool (rows, columns), True on tissue.
        pixel: Level-0 pixels to the side of a mask pixel.
        name: The slide's name, from which the squares are drawn.

    Returns:
        0 (sharp) to 1. Sharp stained tissue at 0.25 µm/px has 0.25–0.4, and 0.6–0.7 after a Gaussian of 3 px.
    """
    rows, columns = np.nonzero(mask)
    count = min(PATCHES, len(rows))
    chosen = generator(seed, "blur", name).choice(len(rows), count, replace=False)
    squares = [slide.read(round(columns[i] * pixel), round(rows[i] * pixel), PATCH) for i in chosen]
    return float(np.median([blur_effect(cv2.cvtColor(square, cv2.COLOR_RGB2GRAY)) for square in squares]))


def warnings(tissue: float, pen: float, black: float, blur: float, assumed_scale: bool, warn: Warn) -> str:
    """Say in words what is worth a look, joined by semicolons; empty if nothing is.

    Args:
        tissue: Share of the slide that is tissue.
        pen: See :func:`pen_share`.
        black: See :func:`black_share`.
        blur: See :func:`blurredness`.
        assumed_scale: Whether the slide does not state its µm/px.
        warn: From which values on.
    """
    doubts = {
        f"hardly any tissue ({tissue:.2%})": tissue < warn.little_tissue,
        f"pen on {pen:.1%} of the tissue": pen >= warn.pen,
        f"{black:.0%} of the slide is black": black >= warn.black,
        f"blurred ({blur:.2f})": blur >= warn.blur,
        "scale assumed": assumed_scale,
    }
    return "; ".join(text for text, worth in doubts.items() if worth)
