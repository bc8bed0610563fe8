"""From an image that was resized once to a prepared one: central crop, equalisation, working size."""

import cv2
import numpy as np
from PIL import Image, ImageOps

from pipeline.data.picture_files import thumbnail
from pipeline.data.steps import ThumbnailSteps

# Zuiderveld's contrast limited adaptive equalisation with OpenCV's usual limit, on 8×8 fields.
CLAHE_CLIP = 2.0
CLAHE_GRID = (8, 8)
PART = 500  # images that are in memory at a time, at most
MOST = 2**26  # bytes of their thumbnails, or of what is made of these, at most


def prepare_thumbnail(pixels: np.ndarray, settings: ThumbnailSteps) -> np.ndarray:
    """Go from a thumbnail to the prepared image, in the paper's order of operations.

    Args:
        pixels: uint8 (thumbnail_size, thumbnail_size), in colour (thumbnail_size, thumbnail_size, 3).

    Returns:
        uint8 (working_size, working_size, 1 or 3).
    """
    image = Image.fromarray(cropped(pixels, settings))
    if settings.equalization == "histogram":
        image = ImageOps.equalize(image)
    elif settings.equalization == "clahe":
        image = Image.fromarray(cv2.createCLAHE(CLAHE_CLIP, CLAHE_GRID).apply(np.asarray(image)))
    prepared = np.asarray(thumbnail(image, settings.working_size))
    return prepared if prepared.ndim == 3 else prepared[..., np.newaxis]


def images_at_a_time(settings: ThumbnailSteps) -> int:
    """How many images may be in memory together; fewer of large ones."""
    return min(PART, max(1, MOST // (3 * max(settings.thumbnail_size, settings.working_size) ** 2)))


def cropped(pixels: np.ndarray, settings: ThumbnailSteps) -> np.ndarray:
    """Cut out the middle of a thumbnail: the rim of an X-ray holds side markers, collimator borders and arms."""
    margin = (settings.thumbnail_size - settings.crop_size) // 2
    return pixels[margin : margin + settings.crop_size, margin : margin + settings.crop_size]
