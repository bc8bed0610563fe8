"""Whether the levels of a pyramid show one picture: tissue is found on one of them, and tiles are read from another."""

import numpy as np

from pipeline.data.slides.reading import Slide
from pipeline.errors import PipelineError

PLACES = 9
SIDE = 512  # px at the tile scale of what is compared at each
# Gray levels between the means of both, in the median over the places: honest pyramids stay below 2.
MOST_APART = 30.0


def check_levels(slide: Slide, thumbnail: np.ndarray, mask: np.ndarray, pixel: float) -> None:
    """Compare tiles with the thumbnail, at some places that are spread over the tissue.

    Args:
        slide: The slide.
        thumbnail: uint8 RGB (rows, columns, 3) of the whole slide.
        mask: bool (rows, columns), True on tissue.
        pixel: Level-0 pixels to the side of one of their pixels.

    Raises:
        PipelineError: If they show something else.
    """
    side = min(max(1, round(SIDE * slide.pixels_per_tile_pixel / pixel)), *mask.shape)
    size = max(1, round(side * pixel / slide.pixels_per_tile_pixel))
    rows, columns = (places.clip(0, length - side) for places, length in zip(np.nonzero(mask), mask.shape, strict=True))
    chosen = np.unique(np.linspace(0, len(rows) - 1, PLACES).round().astype(int))
    apart = [
        slide.read(round(x * pixel), round(y * pixel), size).mean() - thumbnail[y : y + side, x : x + side].mean()
        for y, x in zip(rows[chosen].tolist(), columns[chosen].tolist(), strict=True)
    ]
    if np.median(np.abs(apart)) > MOST_APART:
        raise PipelineError(
            f"{slide.path} has levels that show different pictures, where its tissue should be: write the slide anew "
            "or leave it out"
        )
