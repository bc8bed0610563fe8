"""One picture file of any kind to one image: gray or in colour, 8 bits, upright."""

import io
import struct
import warnings
import zlib
from contextlib import suppress

import numpy as np
from imagecodecs import PngError, png_decode
from PIL import Image, ImageOps
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT, TiffImageFile

from pipeline.errors import PipelineError, words_of

# Ending of a file's name → what it must be inside.
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".dcm": "DICOM",
    ".dicom": "DICOM",
}
LARGEST_PIXELS = 64_000_000  # a file of a few kB can claim any size; detectors end below 25 megapixels
SMALLEST_SIDE = 16
MOST_COUNTED = 100  # images of one file
# How each step of a JPEG begins that is drawn in several, as browsers show some. One of 100 bytes is of all pixels, so
# that a file of 1 MB could take hours; no program makes more than 20.
SCAN, MOST_SCANS = b"\xff\xda", 100
# Modes of Pillow without colour.
GRAY_MODES = ("1", "L", "LA")
# Values of a TIFF's tags.
SIGNED, WHITE_IS_ZERO = 2, 0
# What Pillow raises for files that are no image, damaged or cut off.
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    struct.error,
    zlib.error,
)


def is_picture(name: str) -> bool:
    """Whether a file is one of those that are read, by its name's ending."""
    return _ending(name) in FORMATS


def format_of(name: str) -> str:
    """What a file must be inside, by its name's ending: DICOM if that is none of :data:`FORMATS`, as in exports."""
    return FORMATS.get(_ending(name), "DICOM")


def read_picture(content: bytes, name: str, mode: str) -> tuple[Image.Image, bool]:
    """Decode a picture file of any kind.

    Colour becomes gray by ITU-R 601, gray becomes colour by three equal channels; transparency is ignored, 12 and 16
    bits of gray are scaled to 8, fractions, signed numbers and more bits are refused. An image is turned as its EXIF
    block says; where that block is damaged, and in PNG, it stays as it is stored. DICOM is shown as
    :func:`pipeline.data.dicom.read_dicom` says.

    Args:
        content: Of the file.
        name: Its name; the ending says what it must be, see :func:`format_of`.
        mode: ``L`` for gray or ``RGB``.

    Returns:
        An image of that mode, and whether the file shows any colour: a pixel whose red, green and blue differ.

    Raises:
        PipelineError: If the file is no whole picture, holds several, or is smaller than 16 px or larger than 64
            megapixels; the size is taken from the header, before anything is decoded.
    """
    kind = format_of(name)
    if kind == "DICOM":
        from pipeline.data.dicom import read_dicom  # noqa: PLC0415  (few need it, and it takes a while to import)

        return read_dicom(content, name, mode)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow warns of is refused, or harmless as a damaged EXIF block is
            return _decode(content, name, kind, mode)
    except (*UNREADABLE, Image.DecompressionBombError) as error:
        what = f"{name} is not a whole {kind} file ({words_of(error)}): download it again"
        # of TIFF there are kinds that Pillow does not know
        raise PipelineError(f"{what}, or save it as PNG" if kind == "TIFF" else what) from error


def thumbnail(image: Image.Image, side: int) -> Image.Image:
    """Shrink to ``side``×``side`` pixels, bilinear; Pillow averages over the area of each new pixel."""
    return image.resize((side, side), Image.Resampling.BILINEAR)


def _ending(name: str) -> str:
    return "." + name.rpartition(".")[2].lower()


def _decode(content: bytes, name: str, kind: str, mode: str) -> tuple[Image.Image, bool]:
    with Image.open(io.BytesIO(content), formats=(kind,)) as image:
        check_size(image.size, name)
        if kind == "JPEG" and (scans := content.count(SCAN)) > MOST_SCANS:
            raise PipelineError(f"{name} is drawn in {scans} steps, more than {MOST_SCANS}: save it anew")
        # A JPEG of two pictures is one for both eyes of a viewer, the first of them the whole.
        if kind != "JPEG" and (frames := _frames(image)) > 1:
            more = " or more" if frames == MOST_COUNTED else ""
            raise PipelineError(f"{name} holds {frames}{more} images: save the one that is meant in a file of its own")
        facts = image.tag_v2 if isinstance(image, TiffImageFile) else {}
        bits = facts.get(BITSPERSAMPLE, (16,))[0]
        # int32 is how programs write plain numbers; those of 8 bits Pillow takes for unsigned ones
        if bits <= 16 and facts.get(SAMPLEFORMAT, (1,))[0] == SIGNED:
            raise PipelineError(f"{name} holds signed numbers: save it with 8 or 16 bits without a sign")
        if image.mode == "F" or image.mode.startswith("I"):
            top = 2**12 - 1 if bits == 12 else 2**16 - 1
            wide = _of_16_bits(np.asarray(image), name)
            # of fewer bits, Pillow turns those that count from white itself
            shown = top - wide if facts.get(PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO else wide
            return Image.fromarray(np.asarray((shown * 255 + top // 2) // top, np.uint8)).convert(mode), False
        if image.format == "PNG" and image.mode == "L" and "transparency" not in image.info:
            # the usual case; imagecodecs inflates faster than Pillow, to the same pixels
            return Image.fromarray(_inflated(content, name)).convert(mode), False
        colour = image.mode not in GRAY_MODES and bool(np.ptp(np.asarray(image.convert("RGB")), axis=2).any())
        converted = image.convert(mode)
        return (converted if image.format == "PNG" else _upright(converted, image)), colour


def _frames(image: Image.Image) -> int:
    """Count the images of a file; not all of a TIFF, for which Pillow takes the longer per image the more there are."""
    if not isinstance(image, TiffImageFile):
        return int(getattr(image, "n_frames", 1))
    count = 1
    with suppress(EOFError):
        while count < MOST_COUNTED:
            image.seek(count)
            count += 1
    image.seek(0)
    return count


def _of_16_bits(values: np.ndarray, name: str) -> np.ndarray:
    """Check gray values of more than 8 bits, of which nothing says what is black and white unless they are of 16."""
    if values.dtype.kind == "f" or values.min() < 0 or values.max() >= 2**16:
        raise PipelineError(f"{name} holds fractions or numbers beyond 16 bits: save it with 8 or 16 bits")
    return values.astype(np.int64)


def _inflated(content: bytes, name: str) -> np.ndarray:
    try:
        return np.asarray(png_decode(content))
    except (PngError, ValueError) as error:  # its words are read from memory that libpng has freed, if they are any
        raise PipelineError(f"{name} is not a whole PNG file: download it again") from error


def _upright(converted: Image.Image, image: Image.Image) -> Image.Image:
    """Turn an image as the EXIF block of its file says."""
    try:
        orientation = image.getexif().get(Base.Orientation)
    except UNREADABLE:
        orientation = None
    # Pillow writes the whole block anew when it turns an image, which fails on damaged ones: it gets one of this only.
    exif = Image.Exif()
    exif[Base.Orientation] = next((number for number in range(2, 9) if number == orientation), 1)
    converted.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(converted)


def check_size(size: tuple[int, int], name: str) -> None:
    """Check an image's size before it is decoded.

    Args:
        size: Width and height in pixels.
        name: Of its file.

    Raises:
        PipelineError: If it is too small or too large.
    """
    if min(size) < SMALLEST_SIDE:
        raise PipelineError(f"{name} is {size[0]}×{size[1]} px, smaller than {SMALLEST_SIDE} px: leave it out")
    if size[0] * size[1] > LARGEST_PIXELS:
        raise PipelineError(f"{name} is {size[0]}×{size[1]} px, more than {LARGEST_PIXELS // 10**6} megapixels")
