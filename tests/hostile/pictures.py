"""X-ray files made by hand, chunk by chunk, good and bad."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Dark in the upper left quarter only, so that a turned image is told from an upright one.
FILM = np.full((40, 40), 200, np.uint8)
FILM[:20, :20] = 10


def chunk(kind: bytes, data: bytes, crc: int | None = None, length: int | None = None) -> bytes:
    """A PNG chunk, perhaps with a wrong checksum or length."""
    sum_ = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", sum_)


def header(width: int = 40, height: int = 40, bits: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """The chunk with a PNG's size and kind."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace))


def rows(film: np.ndarray = FILM) -> bytes:
    """The chunk with a gray PNG's pixels."""
    return chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in film)))


END = chunk(b"IEND", b"")


def png(*chunks: bytes) -> bytes:
    """A PNG of these chunks; without any, a good one."""
    return SIGNATURE + b"".join(chunks or (header(), rows(), END))


def saved(kind: str, mode: str = "L", film: np.ndarray = FILM, **options: Any) -> bytes:
    """What Pillow writes."""
    content = io.BytesIO()
    Image.fromarray(film).convert(mode).save(content, kind, **options)
    return content.getvalue()


def turned(orientation: int, kind: str = "JPEG", **options: object) -> bytes:
    """A JPEG whose EXIF block says how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(kind, exif=exif.tobytes(), **options)


def jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG that claims another size."""
    whole = bytearray(saved("JPEG"))
    place = whole.index(b"\xff\xc0") + 5
    whole[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(whole)


def flipped(content: bytes, byte: int, bits: int = 0xFF) -> bytes:
    """The same with some bits of one byte turned over."""
    changed = bytearray(content)
    changed[byte % len(content)] ^= bits
    return bytes(changed)
