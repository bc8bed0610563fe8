"""One X-ray file to one thumbnail, and that to one prepared image: gray, central crop, equalisation, working size."""

import io
import struct
import warnings
import zlib

import cv2
import numpy as np
from imagecodecs import PngError, png_decode
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from pipeline.data.xrays.settings import ThumbnailSteps
from pipeline.errors import PipelineError, words_of

LARGEST_PIXELS = 64_000_000  # a file of a few kB can claim any size; detectors end below 25 megapixels
SMALLEST_SIDE = 16
# Zuiderveld's contrast limited adaptive equalisation with OpenCV's usual limit, on 8×8 fields.
CLAHE_CLIP = 2.0
CLAHE_GRID = (8, 8)
# What Pillow raises for files that are no image, damaged or cut off.
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, struct.error, zlib.error)


# Modes of Pillow without colour.
GRAY_MODES = ("1", "L", "LA")


def read_gray(content: bytes, name: str) -> tuple[Image.Image, bool]:
    """Decode a PNG or JPEG of any kind as 8-bit gray.

    Colour is weighted by ITU-R 601, transparency is ignored, 16 bits are scaled to 8. A JPEG is turned as its EXIF
    block says; where that block is damaged, the image stays as it is stored.

    Args:
        name: Its name; the ending says which of the two it must be.

    Returns:
        An image of mode ``L``, and whether the file shows any colour: a pixel whose red, green and blue differ.

    Raises:
        PipelineError: If the file is no whole PNG or JPEG, or is smaller than 16 px or larger than 64 megapixels;
            the size is taken from the header, before anything is decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is refused, or harmless as a damaged EXIF block is
            return _decode(content, name)
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        raise PipelineError(f"{name} is not a whole PNG or JPEG file ({words_of(error)}): download it again") from error


def _decode(content: bytes, name: str) -> tuple[Image.Image, bool]:
    with Image.open(io.BytesIO(content), formats=("PNG",) if name.lower().endswith(".png") else ("JPEG",)) as image:
        _check_size(image.size, name)
        if image.mode.startswith("I"):
            wide = np.asarray(image, np.int64)
            return Image.fromarray(np.asarray((wide + 128) // 257, np.uint8)), False
        if image.format == "PNG" and image.mode == "L" and "transparency" not in image.info:
            # the usual case; imagecodecs inflates faster than Pillow, to the same pixels
            return Image.fromarray(_inflated(content, name)), False
        colour = image.mode not in GRAY_MODES and bool(np.ptp(np.asarray(image.convert("RGB")), axis=2).any())
        gray = image.convert("L")
        return (gray if image.format == "PNG" else _upright(gray, image)), colour


def _inflated(content: bytes, name: str) -> np.ndarray:
    try:
        return np.asarray(png_decode(content))
    except (PngError, ValueError) as error:  # its words are read from memory that libpng has freed, if they are any
        raise PipelineError(f"{name} is not a whole PNG file: download it again") from error


def _upright(gray: Image.Image, image: Image.Image) -> Image.Image:
    """Turn an image as the EXIF block of its file says."""
    try:
        orientation = image.getexif().get(Base.Orientation)
    except UNREADABLE:
        orientation = None
    # Pillow writes the whole block anew when it turns an image, which fails on damaged ones: it gets one of this only.
    exif = Image.Exif()
    exif[Base.Orientation] = next((number for number in range(2, 9) if number == orientation), 1)
    gray.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(gray)


def _check_size(size: tuple[int, int], name: str) -> None:
    if min(size) < SMALLEST_SIDE:
        raise PipelineError(f"{name} is {size[0]}×{size[1]} px, smaller than {SMALLEST_SIDE} px: is it an X-ray?")
    if size[0] * size[1] > LARGEST_PIXELS:
        raise PipelineError(f"{name} is {size[0]}×{size[1]} px, more than {LARGEST_PIXELS // 10**6} megapixels")


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """Shrink to ``side``×``side`` pixels, bilinear; Pillow averages over the area of each new pixel."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def prepare_thumbnail(pixels: np.ndarray, settings: ThumbnailSteps) -> np.ndarray:
    """Go from a thumbnail to the prepared image, in the paper's order of operations.

    Args:
        pixels: uint8 (thumbnail_size, thumbnail_size).

    Returns:
        uint8 (working_size, working_size, 1).
    """
    # the rim holds side markers, collimator borders and arms
    margin = (settings.thumbnail_size - settings.crop_size) // 2
    image = Image.fromarray(pixels[margin : margin + settings.crop_size, margin : margin + settings.crop_size])
    if settings.equalization == "histogram":
        image = ImageOps.equalize(image)
    elif settings.equalization == "clahe":
        image = Image.fromarray(cv2.createCLAHE(CLAHE_CLIP, CLAHE_GRID).apply(np.asarray(image)))
    return np.asarray(thumbnail(image, settings.working_size))[..., np.newaxis]
