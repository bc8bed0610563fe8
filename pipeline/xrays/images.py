"""One X-ray file to one prepared image: gray, thumbnail, central crop, equalisation, working size."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.errors import PipelineError
from pipeline.params.xrays import EqualizeXrays

LARGEST_PIXELS = 64_000_000  # a file of a few kB can claim any size; detectors end below 25 megapixels
SMALLEST_SIDE = 16
# What Pillow raises for files that are no PNG, damaged or cut off.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)


def read_gray(path: Path) -> Image.Image:
    """Read a PNG of any kind as 8-bit gray.

    Colour is weighted by ITU-R 601, transparency is ignored, 16 bits are scaled to 8.

    Args:
        path: The file.

    Returns:
        An image of mode ``L``.

    Raises:
        PipelineError: If the file is no whole PNG, or is smaller than 16 px or larger than 64 megapixels; the
            size is taken from the header, before anything is decoded.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            _check_size(image.size, path.name)
            if image.mode.startswith("I"):
                wide = np.asarray(image, np.int64)
                return Image.fromarray(np.asarray((wide + 128) // 257, np.uint8))
            return image.convert("L")
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        raise PipelineError(f"{path.name} is not a whole PNG file ({error}): download it again") from error


def _check_size(size: tuple[int, int], name: str) -> None:
    if min(size) < SMALLEST_SIDE:
        raise PipelineError(f"{name} is {size[0]}×{size[1]} px, smaller than {SMALLEST_SIDE} px: is it an X-ray?")
    if size[0] * size[1] > LARGEST_PIXELS:
        raise PipelineError(f"{name} is {size[0]}×{size[1]} px, more than {LARGEST_PIXELS // 10**6} megapixels")


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """Shrink to ``side``×``side`` pixels, bilinear; Pillow averages over the area of each new pixel."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def prepare_image(path: Path, settings: EqualizeXrays) -> np.ndarray:
    """Prepare one X-ray in the paper's order of operations.

    Args:
        path: The PNG file.
        settings: The arm's section.

    Returns:
        uint8 (working_size, working_size, 1).

    Raises:
        PipelineError: If the file cannot be read (see :func:`read_gray`).
    """
    image = thumbnail(read_gray(path), settings.thumbnail_size)
    # the rim holds side markers, collimator borders and arms
    margin = (settings.thumbnail_size - settings.crop_size) // 2
    image = image.crop((margin, margin, margin + settings.crop_size, margin + settings.crop_size))
    if settings.equalization == "histogram":
        image = ImageOps.equalize(image)
    return np.asarray(thumbnail(image, settings.working_size))[..., np.newaxis]
