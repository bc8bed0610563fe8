"""Street View House Numbers, digits cut out of photographs (Netzer et al., 2011), in the published format 2.

The further images of ``extra_32x32.mat`` are not used. Of MATLAB's format 5 only what these files need is read, and not
by scipy, which ends the whole process where a type in the file is none that it knows.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.folders.containers import find_file, list_images, name_of, split_path, unpacked_files
from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import check_unchanged
from pipeline.data.kinds import Files
from pipeline.errors import PipelineError

__all__ = ["EXPECTED", "read", "read_records", "split_path"]

SPLITS = {"train_32x32.mat": "train", "test_32x32.mat": "test"}
EXPECTED: Files = {f"*{name}": (1, 1) for name in SPLITS}
SHAPE = (32, 32, 3)
# A file of a few kB can claim any size; that of the training images holds 225 MB.
LARGEST = 400 * 2**20
# MATLAB's format 5: the bytes of the header, and its end with the version and the order of bytes.
HEADER = 128
VERSION = b"\x00\x01IM"
# Types of elements, and what a variable's flags begin with: its class, uint8 or double, and that it is neither complex
# nor logical. MATLAB stores numbers as bytes where they fit, whatever their class.
UINT8, MATRIX, COMPRESSED = 2, 14, 15
CLASSES = {"X": (b"\x09\x00",), "y": (b"\x06\x00", b"\x09\x00")}

Element = tuple[int, memoryview]  # type and data


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :class:`pipeline.data.folders.layout.Layout`."""
    folder = root / settings.part
    paths = unpacked_files(inventory, settings)
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
    variables = _variables(file)
    (shape, pixels), (shape_of_labels, labels) = (_numbers(name, variables, file) for name in CLASSES)
    if shape != (*SHAPE, len(labels)) or shape_of_labels != (len(labels), 1):
        raise PipelineError(
            f"{file}: X is of {_words(shape)} and y of {_words(shape_of_labels)}, not of 32×32×3×N and N×1: "
            "download it again"
        )
    images = pixels.reshape(shape, order="F")
    for number, label in enumerate(labels.tolist()):
        if not 1 <= label <= 10:
            raise PipelineError(f"{file}: y of image {number} is {label}, none of 1 to 10: download it again")
        # 10 stands for the digit 0
        yield name_of(number), str(label % 10), np.ascontiguousarray(images[..., number])


def _numbers(name: str, variables: dict[str, list[Element]], file: Path) -> tuple[tuple[int, ...], np.ndarray]:
    """Return the shape of a variable, and its numbers, flat, in MATLAB's order."""
    if name not in variables:
        raise PipelineError(f"{file} does not hold {name}: download it again")
    (_, flags), (_, lengths), _, (kind, numbers) = variables[name]
    shape = tuple(length for (length,) in struct.iter_unpack("<i", lengths[: len(lengths) // 4 * 4]))
    if bytes(flags[:2]) not in CLASSES[name] or kind != UINT8 or len(numbers) != math.prod(shape):
        raise PipelineError(f"{file}: {name} is no array of bytes: download it again")
    return shape, np.frombuffer(numbers, np.uint8)


def _words(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _variables(file: Path) -> dict[str, list[Element]]:
    """Read X and y; into others nothing looks. Of each the flags, the shape, the name and the numbers."""
    if file.stat().st_size > LARGEST:
        raise _too_large(file)
    content = memoryview(file.read_bytes())
    if content[:HEADER][-len(VERSION) :] != VERSION:
        raise PipelineError(f"{file} is no MATLAB file of format 5, as the published one: download it again")
    found: dict[str, list[Element]] = {}
    try:
        for kind, data in _elements(content[HEADER:]):
            parts = list(islice(_elements(_inflated(data, file) if kind == COMPRESSED else data), 4))
            name = bytes(parts[2][1]).decode("latin-1") if len(parts) == 4 else ""
            if name in found:
                raise PipelineError(f"{file} holds {name} twice: download it again")
            if name in CLASSES:
                found[name] = parts
    except (EOFError, struct.error, zlib.error) as error:
        raise PipelineError(f"{file} is not a whole MATLAB file: download it again") from error
    return found


def _elements(content: memoryview) -> Iterator[Element]:
    """Split what is in a file or in a variable: type and size in bytes, then so many bytes, filled up to 8."""
    while content:
        kind, size = struct.unpack_from("<II", content)
        start = 8
        if kind >> 16:  # up to 4 bytes stand where else their size does, which is beside the type
            kind, size, start = kind & 0xFFFF, kind >> 16, 4
        end = start + size
        if end > len(content):
            raise EOFError
        yield kind, content[start:end]
        content = content[end if kind == COMPRESSED else -(-end // 8) * 8 :]


def _inflated(packed: memoryview, file: Path) -> memoryview:
    """Inflate a variable, and return what is in it."""
    inflater = zlib.decompressobj()
    content = inflater.decompress(packed, LARGEST)
    if not inflater.eof:
        raise _too_large(file) if len(content) == LARGEST else EOFError
    if struct.unpack_from("<II", content) != (MATRIX, len(content) - 8):
        raise EOFError
    return memoryview(content)[8:]


def _too_large(file: Path) -> PipelineError:
    return PipelineError(f"{file} holds more than {LARGEST // 2**20} MiB: download it again")
