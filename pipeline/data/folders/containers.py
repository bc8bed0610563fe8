"""Files that hold many images and their classes: finding them, and listing what is in them."""

import hashlib
from collections.abc import Collection as Names
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from pipeline.data.archives import split_source
from pipeline.data.folders.layout import COLUMNS, by_class
from pipeline.data.folders.settings import Collection
from pipeline.errors import PipelineError


def name_of(number: int) -> str:
    """Name the image of a number, counted from 0, so that names sort as numbers do."""
    return f"{number:06d}"


def split_path(source: str) -> tuple[str, str]:
    """See :class:`pipeline.data.folders.layout.Layout`: every image is in a file that holds many."""
    file, _, name = source.rpartition("/")
    return file, name


def unpacked_files(inventory: pd.DataFrame, settings: Collection) -> list[str]:
    """Return the paths of the files in the part of a collection that an arm is of; what is packed does not count."""
    paths = (path for path in inventory["path"] if not split_source(path)[0])
    return [path for path in paths if PurePosixPath(path).is_relative_to(settings.part)]


def find_file(folder: Path, paths: Iterable[str], name: str, advice: str) -> str:
    """Find a file by its name, in whatever folder it is.

    Args:
        folder: Where it was looked for, for an error.
        paths: Those to look in.
        name: Its name.
        advice: What to do where it is missing.

    Returns:
        Its path.

    Raises:
        PipelineError: If there is none, or more than one.
    """
    found = [path for path in paths if PurePosixPath(path).name == name]
    if not found:
        raise PipelineError(f"{folder} holds no file {name}: {advice} and run `make check-data`")
    if len(found) > 1:
        raise PipelineError(f"{found[0]} and {found[1]} have the same name: name the folder of one in collection.part")
    return found[0]


def list_images(images: Iterable[tuple[str, str, str, np.ndarray]], normal: Names[str], folder: Path) -> pd.DataFrame:
    """List images as a layout does.

    Args:
        images: Source, split, class and pixels of each; only one's pixels are in memory at a time.
        normal: The classes that are normal.
        folder: The collection's, for an error.

    Returns:
        See :meth:`pipeline.data.folders.layout.Layout.read`. The checksum is that of the pixels as they come, so that
        an image has the same one in every version of a collection.

    Raises:
        PipelineError: If no image is of a class that shall be normal.
    """
    rows = [(source, _md5(pixels), split, of_class) for source, split, of_class, pixels in images]
    table = pd.DataFrame(rows, columns=["source", "md5", "split", "class"])
    labels = by_class(table["class"], normal, str(folder))
    return table.assign(id=table["source"], group="", left_out="", **labels)[COLUMNS]


def _md5(pixels: np.ndarray) -> str:
    return hashlib.md5(pixels.tobytes(), usedforsecurity=False).hexdigest()
