"""The target of stain normalisation, from a slide or an image file."""

from pathlib import Path

import numpy as np
from PIL import Image
from threadpoolctl import threadpool_limits

from pipeline.data.inventory import raw_file
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.settings import NormalizeTiles, Scale
from pipeline.data.stain import TargetStains, TooLittleStainError, learn_target
from pipeline.errors import PipelineError
from pipeline.layout import arm_file

# Larger images are not opened as a target.
LARGEST_TARGET = 10_000


def target_stains(root: Path, scale: Scale, settings: NormalizeTiles, arm: str) -> TargetStains | None:
    """Read the target and learn its stains.

    Args:
        root: The collection's folder.
        scale: At which its slides are read.
        settings: Name the target and the method.
        arm: Names keys in errors.

    Returns:
        The stains; None for a method that needs no target.

    Raises:
        PipelineError: If the target cannot be read, leaves its slide or shows too little stain.
    """
    key = f"{arm_file(arm)}: normalize_tiles.target"
    target = np.empty((0, 0, 3), np.uint8)
    if settings.method != "none":
        target = _target(root, scale, settings, arm, key)
    try:
        # One thread, as in the processes: sums over pixels must not depend on the number of cores.
        with threadpool_limits(1):
            return learn_target(target, settings)
    except TooLittleStainError as error:
        raise PipelineError(f"{key}: {error}; choose a well stained region") from error


def _target(root: Path, scale: Scale, settings: NormalizeTiles, arm: str, key: str) -> np.ndarray:
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
    with Slide(file, scale, arm) as slide:
        extent = region.size * slide.pixels_per_tile_pixel
        if region.x + extent > slide.size[0] + 1 or region.y + extent > slide.size[1] + 1:
            wide, high = slide.size
            raise PipelineError(f"{key} ends outside {file} ({wide}×{high} px): choose a region inside it")
        return slide.read(region.x, region.y, region.size)
