"""MedMNIST, small medical images for classification (Yang et al., 2021 and 2023): one npz of any size of image.

An image's class is the number of its label in a word. Where an image may have several, as in ChestMNIST, it is their
numbers joined by a bar, and ``none`` without any. A file may be larger than the memory, so that it is read by rows.
"""

import math
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from pipeline.data.folders.containers import list_images, name_of, split_path, unpacked_files
from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import check_unchanged
from pipeline.data.kinds import Files
from pipeline.data.picture_files import LARGEST_PIXELS, SMALLEST_SIDE
from pipeline.errors import PipelineError

__all__ = ["EXPECTED", "read", "read_records", "split_path"]

ENDING = ".npz"
EXPECTED: Files = {f"*{ENDING}": (1, None)}
SPLITS = ("train", "val", "test")
NONE = "none"
# A file of a few kB can claim any size; the largest published one has 165,466 training images, or 14 labels.
MOST_IMAGES = 1_000_000
MOST_LABELS = 100
# What zipfile raises for files that are damaged, cut off or encrypted.
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :class:`pipeline.data.folders.layout.Layout`."""
    path = _find(root, unpacked_files(inventory, settings), settings)
    check_unchanged(root, inventory, [path])
    images = (
        (f"{path}/{name}", name.partition("_")[0], of_class, pixels) for name, of_class, pixels in _images(root / path)
    )
    return list_images(images, settings.normal, root / path)


def read_records(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """See :class:`pipeline.data.folders.layout.Layout`."""
    for name, _, pixels in _images(file):
        yield name, pixels


def _find(root: Path, paths: list[str], settings: Collection) -> str:
    if settings.file is not None:
        path = str(PurePosixPath(settings.part) / settings.file)
        if path not in paths:
            raise PipelineError(f"{root / path} of collection.file is missing: put it there and run `make check-data`")
        return path
    found = [path for path in paths if path.endswith(ENDING)]
    if not found:
        raise PipelineError(f"{root / settings.part} holds no npz: put one there and run `make check-data`")
    if len(found) > 1:
        raise PipelineError(f"{root} holds {found[0]} and {found[1]}: name the one that is meant in collection.file")
    return found[0]


def _images(file: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Read a file: name, which begins with the split, class and pixels, uint8 (s, s) or (s, s, 3), of each image."""
    try:
        with zipfile.ZipFile(file) as archive:
            for split in SPLITS:
                yield from _images_of(split, archive, file)
    except DAMAGED as error:
        raise PipelineError(f"{file} is not a whole npz as numpy writes it: download it again") from error


def _images_of(split: str, archive: zipfile.ZipFile, file: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    images, labels = _Rows(archive, f"{split}_images", file), _Rows(archive, f"{split}_labels", file)
    _check_images(images)
    _check_labels(labels, len(images))
    for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        if label.min() < 0 or (len(label) > 1 and label.max() > 1):
            raise PipelineError(f"{labels.where}: row {number} is {label.tolist()}: download it again")
        yield f"{split}_{name_of(number)}", _class_of(label), pixels


def _class_of(label: np.ndarray) -> str:
    if len(label) == 1:
        return str(label[0])
    return "|".join(map(str, np.flatnonzero(label))) or NONE


class _Rows:
    """An array in an npz, read row by row, so that memory does not grow with it.

    Attributes:
        where: The file and the array, for errors.
        shape: As its header says.
        dtype: Of whole numbers.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str, file: Path) -> None:
        self.where = f"{file}, {name}"
        if f"{name}.npy" not in archive.namelist():
            raise PipelineError(f"{file} has no array {name}: download it again")
        member = archive.getinfo(f"{name}.npy")
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise PipelineError(f"{self.where}: it is compressed in a way that numpy does not write: download it again")
        self._stream = archive.open(member)
        self.shape, fortran_order, self.dtype = self._header()
        if self.dtype.kind not in "iu" or fortran_order:
            raise PipelineError(f"{self.where}: it holds no whole numbers, row by row: download it again")
        if member.file_size != self._stream.tell() + math.prod(self.shape) * self.dtype.itemsize:
            raise PipelineError(f"{self.where}: its header claims another size than it has: download it again")

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[np.ndarray]:
        size = math.prod(self.shape[1:]) * self.dtype.itemsize
        for _ in range(len(self)):
            # one that is cut off does not have the shape, which is a ValueError
            yield np.frombuffer(self._stream.read(size), self.dtype).reshape(self.shape[1:])

    def _header(self) -> tuple[tuple[int, ...], bool, np.dtype]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # numpy warns of headers that it had to mend
                version = np.lib.format.read_magic(self._stream)
                if version != (1, 0):
                    raise ValueError(version)  # others are for what no image is: fields, and names that are not ASCII
                return np.lib.format.read_array_header_1_0(self._stream)
        except zipfile.BadZipFile:
            raise
        except Exception as error:  # numpy raises anything on damaged headers, and advises to unpickle them
            raise PipelineError(f"{self.where}: it has no header as numpy writes it: download it again") from error


def _check_images(images: _Rows) -> None:
    """Check the shape: (N, s, s) or (N, s, s, 3)."""
    count, *shape = images.shape or (0,)
    side = shape[0] if shape else 0
    fits = shape in ([side, side], [side, side, 3]) and side >= SMALLEST_SIDE and side**2 <= LARGEST_PIXELS
    if not fits or images.dtype != np.uint8 or not 0 <= count <= MOST_IMAGES:
        raise PipelineError(
            f"{images.where}: {images.dtype} of {_words(images)} is not uint8 of N×s×s or N×s×s×3, with N at most "
            f"{MOST_IMAGES} and s at least {SMALLEST_SIDE}: download it again"
        )


def _check_labels(labels: _Rows, count: int) -> None:
    """Check the shape: (N, 1), or (N, k) of those that may come together."""
    if len(labels.shape) != 2 or labels.shape[0] != count or not 1 <= labels.shape[1] <= MOST_LABELS:
        raise PipelineError(
            f"{labels.where}: {_words(labels)} labels are not those of {count} images: download it again"
        )


def _words(array: _Rows) -> str:
    return "×".join(map(str, array.shape)) or "a single number"
