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
from math import inf, isfinite
from typing import BinaryIO, cast

from pydicom import Dataset
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_partial, read_sequence
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from pipeline.data.picture_files import FORMATS, LARGEST_PIXELS, is_picture
from pipeline.errors import PipelineError

# What pydicom warns of is refused or harmless. Once and for all, since headers are read in several threads.
warnings.filterwarnings("ignore", module="pydicom")

MAGIC, MAGIC_PLACE = b"DICM", slice(128, 132)
# Values of the kind CS, of which the standard allows 16 characters; whatever else stands in such a place is not shown.
CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
NO_CODE = "?"
# No device writes as much before the pixels, but a file can hold millions of empty elements, or values of millions of
# parts, each of which pydicom looks at.
HEADER_PIECES, HEADER_BYTES, HEADER_PARTS = 50_000, 4 * 2**20, 20_000
BETWEEN_PARTS = b"\\"
BYTES_A_PIECE = 512  # at least, of compressed pixels, which are read by the kB
PIXELS = Tag("PixelData")
META_BYTES = 4096  # the first of a file, where its compression is named
GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"  # how the length of the part that is never deflated begins
LARGEST_INFLATED = 4 * LARGEST_PIXELS  # bytes; such a file of a few kB can hold gigabytes


class DicomError(Exception):
    """What is wrong with a DICOM file and what to do, without the file's name."""


class NotDicomError(DicomError):
    """A file that is no DICOM file."""


def is_dicom(content: bytes) -> bool:
    """Whether a file is DICOM, by its first 132 bytes."""
    return content[MAGIC_PLACE] == MAGIC


@contextmanager
def errors_of(name: str) -> Iterator[None]:
    """Read a DICOM file: whatever is wrong with it becomes an error that names it.

    Raises:
        PipelineError: In place of :class:`DicomError`, and of what pydicom and the codecs raise on damaged files, which
            is anything. A file that is taken for DICOM only since its name does not say what it is may be no picture.
    """
    try:
        yield
    except NotDicomError as error:
        if is_picture(name):
            raise PipelineError(f"{name}: {error}: export it again, or leave it out") from error
        raise PipelineError(
            f"{name} is no picture: its name ends in none of {', '.join(FORMATS)}, and {error}: leave it out, or give "
            "it the ending of what it is"
        ) from error
    except DicomError as error:
        raise PipelineError(f"{name}: {error}") from error
    except (PipelineError, MemoryError):
        raise
    except Exception as error:
        raise PipelineError(f"{name} is not a whole DICOM file: export it again, or leave it out") from error


def read_header(file: BinaryIO, keywords: Sequence[str]) -> Dataset:
    """Read some elements of a DICOM file, up to the last of them.

    Args:
        file: It may be hostile.
        keywords: Of the elements, as in the standard; the others are passed over unread.

    Raises:
        NotDicomError: If it is no DICOM file.
        DicomError: If it has a header of enormous size, or is deflated and damaged or huge.
        Exception: Anything if it is damaged otherwise.
    """
    if not is_dicom(file.read(MAGIC_PLACE.stop)):
        raise NotDicomError("it is no DICOM file (no DICM at byte 128)")
    file.seek(0)
    tags = [Tag(keyword) for keyword in keywords]
    bounded = _Bounded(_inflated(file), last=max(tags))
    return read_partial(cast(BinaryIO, bounded), stop_when=bounded.is_past, specific_tags=[*tags])


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
    """Return the value of an element that holds one whole number, of 32 bits at most.

    Raises:
        DicomError: If it holds anything else, or is missing and there is no default.
    """
    value = dataset.get(keyword)
    if value is None and default is not None:
        return default
    if not isinstance(value, int) or not -(2**31) <= value < 2**32:
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


def first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    """Return the first item of a sequence, or None where there is none.

    Raises:
        DicomError: If the sequence holds more than any has.
        Exception: Anything if it is damaged.
    """
    raw = dataset.get_item(Tag(keyword)) if keyword in dataset else None
    if isinstance(raw, RawDataElement) and raw.value:
        # read twice, since pydicom reads all of it, whatever it holds, when it is asked for the first item
        bounded = cast(BinaryIO, _Bounded(io.BytesIO(raw.value), last=0))
        read_sequence(bounded, raw.is_implicit_VR, raw.is_little_endian, len(raw.value), default_encoding)
    items = dataset.get(keyword)
    return items[0] if items else None


class _Bounded:
    """A file whose header is read up to an element, and only so much of it."""

    def __init__(self, file: BinaryIO, last: int) -> None:
        self._file, self._last = file, last
        self._left: list[float] = [HEADER_PIECES, HEADER_BYTES, HEADER_PARTS]
        self.seek, self.tell = file.seek, file.tell

    def is_past(self, tag: int, _vr: str | None, _length: int) -> bool:
        """Whether an element, which is to be read next, is beyond the last of those that are wanted.

        Where it is the pixels, they may be read in as many pieces as their file is large.
        """
        if tag == PIXELS:
            place = self.tell()
            pieces = HEADER_PIECES + self.seek(0, io.SEEK_END) // BYTES_A_PIECE
            self.seek(place)
            self._left = [pieces, inf, inf]
        return tag > self._last

    def read(self, size: int) -> bytes:
        piece = self._file.read(int(min(size, self._left[1] + 1)))
        used = (1, len(piece), piece.count(BETWEEN_PARTS))
        self._left = [left - now for left, now in zip(self._left, used, strict=True)]
        if min(self._left) < 0:
            raise DicomError("it is made of more pieces than any image is: leave it out")
        return piece


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
