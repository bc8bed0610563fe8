"""The thumbnails of a whole collection: every file is decoded once, whatever number of arms needs it.

They are one array and one index in a scratch folder, under a key of the files, the size and the code, and stay there
for the next arm or variant. Memory does not grow with their number, and an interrupted run goes on.
"""

import hashlib
import inspect
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import imagecodecs
import numpy as np
import pandas as pd
import PIL
from PIL import Image

from pipeline.compute.scratch import make_parts
from pipeline.data.archives import read_members, split_source
from pipeline.data.inventory import check_unchanged, raw_file
from pipeline.data.picture_files import read_picture, thumbnail
from pipeline.errors import PipelineError
from pipeline.files import atomic, remove, write_csv

# Files that one process reads before it reports; an archive is read as a whole.
CHUNK = 100
LARGEST_FILE = 256 * 2**20

Record = bytes | np.ndarray  # a picture file, or pixels uint8 (H, W) or (H, W, 3)
Reader = Callable[[Path], Iterator[tuple[str, Record]]]  # of a file that holds many images: their names and records
Splitter = Callable[[str], tuple[str, str]]  # of a path: the file that holds the image, empty if it is one itself; name
Decoder = Callable[[bytes, str, str], tuple[Image.Image, bool]]  # of a picture file, its name and mode: read_picture's

# Modules of this folder that decide what comes of a picture file; those of DICOM are imported only where there is one.
CODE = ("archives", "dicom", "dicom_grays", "dicom_header", "dicom_pixels", "picture_files", "thumbnails")


@dataclass(frozen=True)
class ThumbnailArray:
    """Where the thumbnails of a collection are.

    Attributes:
        size: Side of a thumbnail in pixels.
        mode: ``L`` for gray ones, ``RGB`` for those in colour.
    """

    size: int
    mode: str
    _array: Path
    _start: int

    @property
    def key(self) -> str:
        """Names the thumbnails after all that they depend on."""
        return self._array.parent.name

    def read(self, rows: Sequence[int]) -> np.ndarray:
        """Read some thumbnails; black where a file could not be read.

        Not through a memory map, whose pages would count as memory of this process.

        Returns:
            uint8 (n, size, size), in colour (n, size, size, 3).
        """
        pixels = np.empty((len(rows), *_shape(self.size, self.mode)), np.uint8)
        with self._array.open("rb") as array:
            for one, row in zip(pixels, rows, strict=True):
                array.seek(self._start + int(row) * one.nbytes)
                array.readinto(one.data)
        return pixels


@dataclass(frozen=True)
class Thumbnails(ThumbnailArray):
    """The thumbnails of a collection, and what they are of.

    Attributes:
        index: ``source`` (path in the collection), ``reason`` (why it could not be read, else empty) and ``colour``
            (whether the file shows any); row i describes thumbnail i.
    """

    index: pd.DataFrame

    def alone(self) -> ThumbnailArray:
        """Return the array without the index, which would be copied to a process with each item of its work."""
        return ThumbnailArray(self.size, self.mode, self._array, self._start)


@dataclass(frozen=True)
class Chunk:
    """Some files that are read together: the rows and paths of plain files or of the members of one archive."""

    archive: str
    rows: tuple[int, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True)
class ThumbnailJob:
    """Makes the thumbnails of one chunk; travels to the worker processes.

    Attributes:
        root: The collection's folder.
        array: The file of the array, of its full length.
        start: Where in it the first thumbnail begins, in bytes.
        size: Side of a thumbnail in pixels.
        mode: ``L`` for gray, ``RGB`` for colour.
        read: Reads files that hold many images.
        decode: Decodes a picture file.
    """

    root: Path
    array: Path
    start: int
    size: int
    mode: str = "L"
    read: Reader = read_members
    decode: Decoder = read_picture

    def __call__(self, chunk: Chunk, part: Path) -> int:
        """Write the chunk's thumbnails to their places in the array, then a part with its ``reasons`` and ``colours``.

        Returns:
            The number of files.
        """
        reasons = dict.fromkeys(chunk.rows, "is not in the archive any more")
        colours = dict.fromkeys(chunk.rows, False)
        row_of = dict(zip(chunk.paths, chunk.rows, strict=True))
        # Not for reading, too: else the file systems of networks write back whole pages, also what other machines have
        # changed in them meanwhile.
        with os.fdopen(os.open(self.array, os.O_WRONLY), "wb") as array:
            for path, content in self._contents(chunk):
                if path not in row_of:
                    continue
                row = row_of[path]
                if isinstance(content, PipelineError):
                    reasons[row] = str(content)
                    continue
                try:
                    image, colours[row] = self._image(content, path)
                except PipelineError as error:
                    reasons[row] = str(error)
                    continue
                array.seek(self.start + row * int(np.prod(_shape(self.size, self.mode))))
                array.write(np.asarray(thumbnail(image, self.size)).tobytes())
                reasons[row] = ""
        with atomic(part) as unfinished:
            texts = [reasons[row] for row in chunk.rows]
            np.savez(unfinished, reasons=np.array(texts), colours=list(colours.values()), failed=any(texts))
        return len(chunk.rows)

    def _image(self, record: Record, path: str) -> tuple[Image.Image, bool]:
        """The image, and whether it shows any colour."""
        if isinstance(record, bytes):
            return self.decode(record, path, self.mode)
        colour = record.ndim == 3 and bool(np.ptp(record, axis=2).any())
        return Image.fromarray(record).convert(self.mode), colour

    def _contents(self, chunk: Chunk) -> Iterator[tuple[str, Record | PipelineError]]:
        """Yield the path of each file and its content, or why that cannot be read."""
        if chunk.archive:
            yield from self.read(raw_file(self.root, chunk.archive))
            return
        for path in chunk.paths:
            file = raw_file(self.root, path)
            try:
                yield path, file.read_bytes() if file.stat().st_size <= LARGEST_FILE else b""
            except OSError as error:
                yield path, PipelineError(f"{path} cannot be read ({error.strerror}): see to its permissions and disk")


def make_thumbnails(
    root: Path,
    files: pd.DataFrame,
    inventory: pd.DataFrame,
    size: int,
    scratch: Path,
    workers: int,
    mode: str = "L",
    split: Splitter = split_source,
    read: Reader = read_members,
    decode: Decoder = read_picture,
) -> Thumbnails:
    """Make the thumbnails of a collection, or open those that are there.

    Args:
        root: The collection's folder.
        files: Its images: ``source`` and ``md5``.
        inventory: All its files (columns ``path`` and ``bytes``).
        size: Side of a thumbnail in pixels.
        scratch: The folder that keeps the collection's thumbnails. Those of the same size and mode under another key
            are removed.
        workers: Number of processes.
        mode: ``L`` for gray, ``RGB`` for colour.
        split: Says which of the images lie in files that hold many; without, archives.
        read: Reads such files.
        decode: Decodes a picture file, a function at the top of its module.

    Returns:
        The thumbnails.

    Raises:
        PipelineError: If a file is gone or has another size than when it was listed.
    """
    plain_or_archive = dict.fromkeys(split(source)[0] or source for source in files["source"])
    check_unchanged(root, inventory, plain_or_archive, by_content=False)
    folder = scratch / f"{size}-{mode}-{_key(files, decode)}"
    for other in scratch.glob(f"{size}-{mode}-*"):
        if other != folder:
            remove(other)
    array = folder / "images.npy"
    shape = (len(files), *_shape(size, mode))
    header = _header(shape)
    if not array.is_file() or array.stat().st_size != len(header) + np.prod(shape):
        remove(folder)  # parts without the array that they were written to are worth nothing
        _reserve(array, header, shape)
    job = ThumbnailJob(root, array, len(header), size, mode, read, decode)
    chunks = _chunks(files["source"].tolist(), split)
    items = [(f"{chunk.rows[0]:07d}", chunk) for chunk in chunks]
    parts = make_parts(job, items, folder / "parts", workers, "thumbnails", "images")
    reasons, colours = np.full(len(files), "", object), np.zeros(len(files), bool)
    for chunk, part in zip(chunks, parts, strict=True):
        with np.load(part, allow_pickle=False) as content:
            reasons[list(chunk.rows)], colours[list(chunk.rows)] = content["reasons"], content["colours"]
    index = pd.DataFrame({"source": files["source"].to_numpy(), "reason": reasons, "colour": colours})
    write_csv(folder / "index.csv", index)
    return Thumbnails(size, mode, array, job.start, index)


def _shape(size: int, mode: str) -> tuple[int, ...]:
    return (size, size) if mode == "L" else (size, size, 3)


def _header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue()


def _reserve(array: Path, header: bytes, shape: tuple[int, ...]) -> None:
    """Create an array of zeros that takes no room on the disk until it is written to."""
    with atomic(array) as unfinished, unfinished.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + int(np.prod(shape)))


def _chunks(sources: list[str], split: Splitter) -> list[Chunk]:
    plain: list[int] = []
    packed: dict[str, list[tuple[int, str]]] = {}
    for row, source in enumerate(sources):
        archive, member = split(source)
        if archive:
            packed.setdefault(archive, []).append((row, member))
        else:
            plain.append(row)
    chunks = [
        Chunk("", tuple(rows), tuple(sources[row] for row in rows))
        for rows in (plain[start : start + CHUNK] for start in range(0, len(plain), CHUNK))
    ]
    return chunks + [Chunk(archive, *zip(*members, strict=True)) for archive, members in packed.items()]


def _key(files: pd.DataFrame, decode: Decoder) -> str:
    """Name the thumbnails after their files and the code that makes them.

    Not after the whole library, as other scratch: a collection takes a quarter of an hour to decode.
    """
    modules = [*(Path(__file__).with_name(f"{name}.py") for name in CODE), Path(inspect.getfile(decode))]
    code = [module.read_text(encoding="utf-8") for module in modules]
    versions = [PIL.__version__, imagecodecs.__version__, version("pydicom")]
    text = "\0".join([files[["source", "md5"]].to_csv(index=False), *code, *versions])
    return hashlib.sha256(text.encode()).hexdigest()[:24]
