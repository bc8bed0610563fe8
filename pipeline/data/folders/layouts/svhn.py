"""Street View House Numbers, digits cut out of photographs (Netzer et al., 2011), in the published format 2.

The further images of ``extra_32x32.mat`` are not used.
"""

import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from scipy.io import loadmat, whosmat

from pipeline.data.folders.containers import files_of, find_file, list_images, name_of, split_path
from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import check_unchanged
from pipeline.data.kinds import Files
from pipeline.errors import PipelineError

__all__ = ["EXPECTED", "read", "read_records", "split_path"]

SPLITS = {"train_32x32.mat": "train", "test_32x32.mat": "test"}
EXPECTED: Files = {f"*{name}": (1, 1) for name in SPLITS}
SHAPE = (32, 32, 3)
# What scipy calls the types of the labels: MATLAB's numbers are doubles.
LABELS = ("double", "uint8")
# A file of a few kB can claim any size; that of the training images holds 225 MB.
LARGEST = 400 * 2**20
# MATLAB's format 5: the header, its version and byte order at the end, and the type of what is compressed.
HEADER = 128
VERSION = b"\x00\x01IM"
COMPRESSED = 15
PIECE = 2**14


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :class:`pipeline.data.folders.layout.Layout`."""
    folder = root / settings.part
    paths = files_of(inventory, settings)
    files = {find_file(folder, paths, name, "put it there"): split for name, split in SPLITS.items()}
    check_unchanged(root, inventory, files)
    images = (
        (f"{path}/{name}", split, digit, pixels)
        for path, split in files.items()
        for name, digit, pixels in _images(root / path)
    )
    return list_images(images, settings.normal, folder)


def read_records(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """See :class:`pipeline.data.folders.layout.Layout`."""
    for name, _, pixels in _images(file):
        yield name, pixels


def _images(file: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Read a file: name, digit and pixels, uint8 (32, 32, 3), of each image."""
    _check_whole(file)
    _check_variables(file)
    content = _by_scipy(loadmat, file, variable_names=("X", "y"))
    images, labels = content["X"], content["y"].ravel()
    if images.dtype != np.uint8 or labels.dtype.kind == "c":
        raise PipelineError(
            f"{file} stores X as {images.dtype} and y as {labels.dtype}, not as uint8: download it again"
        )
    for number, label in enumerate(labels):
        if label not in range(1, 11):
            raise PipelineError(f"{file}: y of image {number} is {label}, none of 1 to 10: download it again")
        # 10 stands for the digit 0
        yield name_of(number), str(int(label) % 10), np.ascontiguousarray(images[..., number])


def _check_whole(file: Path) -> None:
    """Inflate a file and keep nothing: scipy would read less than there is, or fill the memory, without a word."""
    total = 0
    try:
        with file.open("rb") as stream:
            if stream.read(HEADER)[-len(VERSION) :] != VERSION:
                raise PipelineError(f"{file} is no MATLAB file of format 5, as the published one: download it again")
            for size in _sizes(stream):
                total += size
                if total > LARGEST:
                    raise PipelineError(f"{file} holds more than {LARGEST // 2**20} MiB: download it again")
    except (EOFError, struct.error, zlib.error) as error:
        raise _damaged(file) from error


def _sizes(stream: BinaryIO) -> Iterator[int]:
    """Yield the bytes of what is in a file after its header, inflated, piece by piece."""
    while tag := stream.read(8):
        kind, left = struct.unpack("<II", tag)
        inflater = zlib.decompressobj()
        while left:
            piece = stream.read(min(left, PIECE))
            if not piece:
                raise EOFError
            left -= len(piece)
            yield len(inflater.decompress(piece) if kind == COMPRESSED else piece)
        if kind == COMPRESSED and not inflater.eof:
            raise EOFError


def _check_variables(file: Path) -> None:
    variables = _by_scipy(whosmat, file)
    found = {name: (shape, kind) for name, shape, kind in variables if name in {"X", "y"}}
    if len(found) != 2 or len(found) != sum(name in found for name, _, _ in variables):
        raise PipelineError(f"{file} does not hold X and y, each of them once: download it again")
    (shape, kind), (of_labels, kind_of_labels) = found["X"], found["y"]
    if shape[:-1] != SHAPE or kind != "uint8":
        raise PipelineError(f"{file}: X is {kind} of {_words(shape)}, not uint8 of 32×32×3×N: download it again")
    if of_labels != (shape[-1], 1) or kind_of_labels not in LABELS:
        raise PipelineError(
            f"{file}: y is {kind_of_labels} of {_words(of_labels)}, not the {shape[-1]}×1 labels of X: "
            "download it again"
        )


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _by_scipy(function: Callable[..., Any], file: Path, **options: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # scipy warns of what it cannot read, and goes on
            return function(file, appendmat=False, **options)
    except Exception as error:  # scipy raises anything on damaged files
        raise _damaged(file) from error


def _damaged(file: Path) -> PipelineError:
    return PipelineError(f"{file} is not a whole MATLAB file: download it again")
