"""The stored pixels of a DICOM file with one frame, whatever they are compressed with.

pydicom alone decodes no JPEG Lossless, JPEG-LS or HTJ2K; imagecodecs decodes all. A compressed frame has a header of
its own, which may claim any size: each decoder is held to the size in the file's header before it takes memory.
"""

import struct
from collections.abc import Callable
from math import prod

import numpy as np
from imagecodecs import dicomrle_decode, jpeg2k_decode, jpeg8_decode, jpegls_decode
from pydicom import Dataset, uid
from pydicom.encaps import get_frame
from pydicom.pixels.processing import convert_color_space
from pydicom.pixels.utils import pixel_array

# Of a compressed frame and the shape that it must have; returns integers of that shape.
Decoder = Callable[[bytes, Dataset, tuple[int, ...]], np.ndarray]

JPEG_2000_START = b"\xff\x4f\xff\x51"
JPEG_END = b"\xff\xd9"  # of all kinds


def stored_pixels(dataset: Dataset) -> np.ndarray:
    """Decode a frame.

    Args:
        dataset: Its header was checked, see :mod:`pipeline.data.dicom`.

    Returns:
        Of gray ones uint16 (H, W): the bits that are stored, two's complement where they are signed; of those in colour
        uint8 (H, W, 3): RGB.

    Raises:
        Exception: Anything if the pixels are damaged, cut off or of another size than the header says.
    """
    decode = COMPRESSED.get(dataset.file_meta.TransferSyntaxUID)
    shape = (dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)[: 2 if dataset.SamplesPerPixel == 1 else 3]
    pixels = decode(_frame(dataset), dataset, shape) if decode else pixel_array(dataset)
    if len(shape) == 3:
        return pixels.astype(np.uint8)
    return pixels.astype(np.uint16) & np.uint16(2**dataset.BitsStored - 1)


def _frame(dataset: Dataset) -> bytes:
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    # the decoders of JPEG take what is cut off for black or gray
    if dataset.file_meta.TransferSyntaxUID != uid.RLELossless and not frame.rstrip(b"\0\xff").endswith(JPEG_END):
        raise ValueError("cut off")
    return frame


def _jpeg(frame: bytes, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    # of three components without a marker, libjpeg would make RGB, whatever the file says that they are
    stays = dataset.PhotometricInterpretation == "RGB" and b"JFIF" not in frame[:20]
    return _held_to(shape, lambda out: jpeg8_decode(frame, colorspace="RGB" if stays else None, out=out))


def _jpeg_lossless(frame: bytes, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    return _to_rgb(_jpeg(frame, dataset, shape), dataset)


def _jpeg_ls(frame: bytes, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    return _to_rgb(_held_to(shape, lambda out: jpegls_decode(frame, out=out)), dataset)


def _jpeg_2000(frame: bytes, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    # compared here, since OpenJPEG decodes all that is claimed before it looks where to put it
    place = frame.index(JPEG_2000_START) + 8
    right, lower, left, upper, *_, components = struct.unpack_from(">8IH", frame, place)
    if (lower - upper, right - left, components) != (*shape, 1)[:3]:
        raise ValueError("another size than the header's")
    return _to_rgb(jpeg2k_decode(frame), dataset)


def _rle(frame: bytes, dataset: Dataset, shape: tuple[int, ...]) -> np.ndarray:
    kind = np.dtype(f"<u{dataset.BitsAllocated // 8}")
    content = dicomrle_decode(frame, kind, out=bytearray(prod(shape) * kind.itemsize))
    pixels = np.frombuffer(content, kind).reshape(*shape[2:], *shape[:2])
    return pixels if len(shape) == 2 else _to_rgb(pixels.transpose(1, 2, 0), dataset)


def _held_to(shape: tuple[int, ...], decode: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Decode into an array of a shape: the decoder compares it with its frame's before it begins."""
    try:
        return decode(np.empty(shape, np.uint8))
    except ValueError:  # not of 8 bits, if not of another shape
        return decode(np.empty(shape, np.uint16))


def _to_rgb(pixels: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Convert what its decoder leaves as it is stored."""
    stored = dataset.PhotometricInterpretation
    return convert_color_space(pixels, "YBR_FULL", "RGB") if stored == "YBR_FULL" else pixels


# How pixels may be compressed.
COMPRESSED: dict[str, Decoder] = {
    uid.JPEGBaseline8Bit: _jpeg,
    uid.JPEGExtended12Bit: _jpeg,
    uid.JPEGLossless: _jpeg_lossless,
    uid.JPEGLosslessSV1: _jpeg_lossless,
    uid.JPEGLSLossless: _jpeg_ls,
    uid.JPEGLSNearLossless: _jpeg_ls,
    uid.JPEG2000Lossless: _jpeg_2000,
    uid.JPEG2000: _jpeg_2000,
    uid.HTJ2KLossless: _jpeg_2000,
    uid.HTJ2KLosslessRPCL: _jpeg_2000,
    uid.HTJ2K: _jpeg_2000,
    uid.RLELossless: _rle,
}
PLAIN = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
