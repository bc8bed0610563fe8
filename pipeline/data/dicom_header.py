"""Reading the header of a DICOM file: little of it, in bounded time, and telling nothing of a patient.

What is told of a header are numbers and codes: any other text in it may hold a name, and so may the words of pydicom's
errors and warnings.
"""

import io
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import BinaryIO, cast

from pydicom import Dataset, dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from pipeline.data.picture_files import LARGEST_PIXELS
from pipeline.errors import PipelineError

# What pydicom warns of is refused or harmless. Once and for all, since headers are read in several threads.
warnings.filterwarnings("ignore", module="pydicom")

MAGIC, MAGIC_PLACE = b"DICM", slice(128, 132)
# Values of the kind CS, of which the standard allows 16 characters; whatever else stands in such a place is not shown.
CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
NO_CODE = "?"
# Pieces that a file is read in. No device writes headers of so many, but a file can hold millions of empty elements;
# compressed pixels are read by the kB.
HEADER_PIECES, BYTES_A_PIECE = 50_000, 512
META_BYTES = 4096  # the first of a file, where its compression is named
GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"  # how the length of the part that is never deflated begins
LARGEST_INFLATED = 4 * LARGEST_PIXELS  # bytes; such a file of a few kB can hold gigabytes


class DicomError(Exception):
    """What is wrong with a DICOM file and what to do, without the file's name."""


def is_dicom(content: bytes) -> bool:
    """Whether a file is DICOM, by its first 132 bytes."""
    return content[MAGIC_PLACE] == MAGIC


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Read a DICOM file: whatever is wrong with it becomes an error that names it.

    Raises:
        PipelineError: In place of :class:`DicomError`, and of what pydicom and the codecs raise on damaged files, which
            is anything.
    """
    try:
        yield
    except DicomError as error:
        raise PipelineError(f"{name}: {error}") from error
    except (PipelineError, MemoryError):
        raise
    except Exception as error:
        raise PipelineError(f"{name} is not a whole DICOM file: export it again, or leave it out") from error


def read_header(file: BinaryIO, keywords: Sequence[str], to_pixels: bool = True) -> Dataset:
    """Read some elements of a DICOM file.

    Args:
        file: It may be hostile.
        keywords: Of the elements, as in the standard; the others are passed over unread.
        to_pixels: Whether to stop where the pixels begin.

    Raises:
        DicomError: If it is no DICOM file, or is deflated and damaged or huge.
        Exception: Anything if it is damaged otherwise.
    """
    if not is_dicom(file.read(MAGIC_PLACE.stop)):
        raise DicomError("it is no DICOM file (no DICM at byte 128): export it again, or leave it out")
    file.seek(0)
    plain = _inflated(file)
    size = plain.seek(0, io.SEEK_END)
    plain.seek(0)
    bounded = cast(BinaryIO, _Bounded(plain, HEADER_PIECES + size // BYTES_A_PIECE))
    tags = [tag_for_keyword(keyword) or 0 for keyword in keywords]
    return dcmread(bounded, stop_before_pixels=to_pixels, specific_tags=tags)


def named(keyword: str) -> str:
    """Name an element as people find it, such as ``ViewPosition (0018,5101)``."""
    tag = Tag(keyword)
    return f"{keyword} ({tag.group:04X},{tag.element:04X})"


def code(dataset: Dataset, keyword: str) -> str:
    """Return the value of an element of the kind CS, fit to be shown.

    Returns:
        Capital letters, digits and spaces; empty where there is no value, :data:`NO_CODE` where it is no code.
    """
    value = str(dataset.get(keyword) or "").strip()
    return value if not value or CODE.fullmatch(value) else NO_CODE


def whole_number(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """Return the value of an element that holds one whole number.

    Raises:
        DicomError: If it holds anything else, or is missing and there is no default.
    """
    value = dataset.get(keyword)
    if value is None and default is not None:
        return default
    if not isinstance(value, int):
        raise DicomError(f"{named(keyword)} is no whole number: export the image again, or leave it out")
    return int(value)


def real_number(dataset: Dataset, keyword: str) -> float | None:
    """Return the value of an element that holds a number, the first of several, or None where there is none.

    Raises:
        DicomError: If it holds anything else.
    """
    value = dataset.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if value else None
    if value is None or value == "":
        return None
    if not isinstance(value, float | int) or not isfinite(value):
        raise DicomError(f"{named(keyword)} is no number: export the image again, or leave it out")
    return float(value)


class _Bounded:
    """A file that can be read in so many pieces only."""

    def __init__(self, file: BinaryIO, pieces: int) -> None:
        self._file, self._pieces = file, pieces
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        self._pieces -= 1
        if self._pieces < 0:
            raise DicomError("its header holds more elements than any image has: leave it out")
        return self._file.read(size)


def _inflated(file: BinaryIO) -> BinaryIO:
    """Return the file, or what it was before it was deflated; pydicom would inflate any number of bytes."""
    head = file.read(META_BYTES)
    file.seek(0)
    deflated = DeflatedExplicitVRLittleEndian.encode()
    if deflated not in head:
        return file
    end = 144 + int.from_bytes(head[140:144], "little")
    content = file.read(LARGEST_INFLATED)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    data = inflater.decompress(content[end:], LARGEST_INFLATED)
    if head[132:140] != GROUP_LENGTH or not inflater.eof:
        raise DicomError(f"its deflated part is cut off or of more than {LARGEST_INFLATED >> 20} MiB: export it again")
    plain = ExplicitVRLittleEndian.encode().ljust(len(deflated), b"\0")
    return io.BytesIO(content[:end].replace(deflated, plain) + data)
