"""The target of stain normalisation, from a slide or an image file."""

from pathlib import Path

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from pipeline.data.inventory import raw_file
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.stain import Normalizer, TooLittleStainError, make_normalizer
from pipeline.errors import PipelineError
from pipeline.params.slides import NormalizeTiles, Slides

# Larger images are not opened as a target.
LARGEST_TARGET = 10_000


def target_normalizer(root: Path, slides: Slides, settings: NormalizeTiles, arm: str) -> Normalizer:
    """Read the target and learn its stains.

    Args:
        root: The collection's folder.
        slides: The collection's settings.
        settings: The arm's settings.
        arm: The arm, to name keys in errors.

    Returns:
        The normaliser.

    Raises:
        PipelineError: If the target cannot be read, leaves its slide or shows too little stain.
    """
    key = f"normalize_tiles.{arm}.target"
    target = np.empty((0, 0, 3), np.uint8)
    if settings.method != "none":
        target = _target(root, slides, settings, arm, key)
    try:
        # One thread, as in the processes: sums over pixels must not depend on the number of cores.
        with threadpool_limits(1):
            return make_normalizer(target, settings)
    except TooLittleStainError as error:
        raise PipelineError(f"{key}: {error}; choose a well stained region") from error


def _target(root: Path, slides: Slides, settings: NormalizeTiles, arm: str, key: str) -> np.ndarray:
    file, region = raw_file(root, settings.target.file), settings.target.region
    if region is None:
        try:
            with Image.open(file) as image:
                if max(image.size) > LARGEST_TARGET:
                    raise PipelineError(
                        f"{key}: {file} is too large: cut out a region of at most {LARGEST_TARGET} px a side"
                    )
                return np.asarray(image.convert("RGB"))
        except (OSError, Image.DecompressionBombError) as error:
            raise PipelineError(f"{key}: {file} cannot be read as an image ({error})") from error
    with Slide(file, slides, arm) as slide:
        extent = region.size * slide.pixels_per_tile_pixel
        if region.x + extent > slide.size[0] + 1 or region.y + extent > slide.size[1] + 1:
            wide, high = slide.size
            raise PipelineError(f"{key} ends outside {file} ({wide}×{high} px): choose a region inside it")
        return slide.read(region.x, region.y, region.size)
