"""A picture file of one tile, as viewers export it."""

import io
import struct
import warnings
import zlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipeline.errors import PipelineError, words_of

FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
COLOURED = ("RGB", "RGBA", "P")
DAMAGED = (OSError, SyntaxError, ValueError, TypeError, EOFError, LookupError, OverflowError, struct.error, zlib.error)


def read_tile_picture(content: bytes, name: str, size: int) -> np.ndarray:
    """Decode a picture of one tile, which says nothing of its scale: only its size can be checked.

    Args:
        content: Of a PNG, JPEG, TIFF or BMP file.
        name: Of the file.
        size: Side of a tile in pixels.

    Returns:
        uint8 RGB (size, size, 3).

    Raises:
        PipelineError: If it is something else, damaged, of another size or without colour.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of, as a large size, is refused
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                if image.size != (size, size):
                    raise PipelineError(
                        f"{name} is no whole slide that OpenSlide reads, and with {image.size[0]}×{image.size[1]} px "
                        f"no picture of one tile either: that has {size}×{size} px"
                    )
                if image.mode not in COLOURED:
                    raise PipelineError(f"{name} has no colour, so that its stains cannot be told apart")
                return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PipelineError(
            f"{name} is neither a whole slide that OpenSlide reads nor a picture of one tile: leave it out"
        ) from error
    except DAMAGED as error:
        raise PipelineError(f"{name} is not a whole picture ({words_of(error)}): download it again") from error
