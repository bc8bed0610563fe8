"""CIFAR10, 60,000 images of ten classes (Krizhevsky, 2009), as published: in the binary version or in that for Python.

The version for Python is pickled, and unpickling a file runs whatever code is in it. So nothing is unpickled: a batch
is read only if it is the published one byte for byte, and then by looking at its opcodes. Where both versions are
there, the binary one is read.
"""

import pickletools
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.folders.containers import find_file, list_images, name_of, split_path, unpacked_files
from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import check_unchanged
from pipeline.data.kinds import Files
from pipeline.errors import PipelineError
from pipeline.files import md5

__all__ = ["EXPECTED", "read", "read_records", "split_path"]

# Either version, or both.
EXPECTED: Files = {"*data_batch_[1-5]*": (5, None), "*test_batch*": (1, None)}
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PLANES = (3, 32, 32)  # red, green, blue
PIXELS = 3 * 32 * 32
# Of the batches for Python, as torchvision has them.
CHECKSUMS = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
BINARY = ".bin"
ADVICE = "unpack cifar-10-binary.tar.gz there"


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :class:`pipeline.data.folders.layout.Layout`."""
    folder = root / settings.part
    batches = _batches(folder, unpacked_files(inventory, settings))
    check_unchanged(root, inventory, batches)
    _check_sizes(root, {path: (root / path).stat().st_size for path in batches if path.endswith(BINARY)})
    images = (
        (f"{path}/{name}", split, of_class, pixels)
        for path, split in batches.items()
        for name, of_class, pixels in _images(root / path)
    )
    return list_images(images, settings.normal, folder)


def read_records(file: Path) -> Iterator[tuple[str, np.ndarray]]:
    """See :class:`pipeline.data.folders.layout.Layout`."""
    for name, _, pixels in _images(file):
        yield name, pixels


def _batches(folder: Path, paths: list[str]) -> dict[str, str]:
    """Return the path and the split of each batch."""
    names = {PurePosixPath(path).name for path in paths}
    ending = BINARY if any(name + BINARY in names for name in CHECKSUMS) else ""
    return {
        find_file(folder, paths, name + ending, ADVICE): "test" if name == "test_batch" else "train"
        for name in CHECKSUMS
    }


def _check_sizes(root: Path, sizes: Mapping[str, int]) -> None:
    """Refuse a binary batch that was cut off between two images, which nothing in it tells."""
    if len({*sizes.values()}) > 1:
        least, most = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
        raise PipelineError(f"{root / least} holds fewer images than {root / most}: {ADVICE} again")


def _images(file: Path) -> Iterator[tuple[str, str, np.ndarray]]:
    """Read a batch: name, class and pixels, uint8 (32, 32, 3), of each image."""
    records = _binary_records(file) if file.suffix == BINARY else _pickled_records(file)
    for number, (label, pixels) in enumerate(records):
        if label >= len(CLASSES):
            raise PipelineError(f"{file}: image {number} has the label {label}, none of 0 to 9: {ADVICE} again")
        planes = np.frombuffer(pixels, np.uint8).reshape(PLANES)
        yield name_of(number), CLASSES[label], np.ascontiguousarray(planes.transpose(1, 2, 0))


def _binary_records(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as stream:
        while record := stream.read(1 + PIXELS):
            if len(record) <= PIXELS:
                raise PipelineError(f"{file} ends within an image: {ADVICE} again")
            yield record[0], record[1:]


def _pickled_records(file: Path) -> Iterator[tuple[int, bytes]]:
    if md5(file) != CHECKSUMS.get(file.name):
        raise PipelineError(f"{file} is not the published file, and pickles are not trusted: {ADVICE} instead")
    labels, pixels = _pickled_values(file.read_bytes())
    if len(pixels) != len(labels) * PIXELS:
        raise PipelineError(f"{file} does not hold as many images as labels: {ADVICE} instead")
    for i, label in enumerate(labels):
        yield label, pixels[i * PIXELS : (i + 1) * PIXELS]


def _pickled_values(content: bytes) -> tuple[list[int], bytes]:
    """Take the labels and the pixels from the opcodes of a pickle, as Python 2 wrote it, without running them."""
    labels: list[int] = []
    pixels, key = b"", ""
    for opcode, argument, _ in pickletools.genops(content):
        value: Any = argument
        if opcode.name == "SHORT_BINSTRING":
            key = value
        elif opcode.name == "BININT1" and key == "labels":
            labels.append(value)
        elif opcode.name == "BINSTRING":  # the only text of more than 255 bytes
            pixels = value.encode("latin-1")
    return labels, pixels
