"""Image files of a collection, by the folders that they lie in."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from unicodedata import normalize

import pandas as pd

from pipeline.data.folders.layout import by_class
from pipeline.data.folders.settings import Collection
from pipeline.data.picture_files import is_picture
from pipeline.errors import PipelineError

NO_PICTURE = "no picture that is read"
IN_NO_CLASS = "in no folder of a class"


def files_of(inventory: pd.DataFrame, part: str, root: Path) -> pd.DataFrame:
    """List the files in a folder of a collection.

    Args:
        inventory: The collection's files.
        part: The folder, empty for all.
        root: The collection's folder, for the error.

    Returns:
        ``id`` and ``source`` (path), ``md5``, ``inner`` (the path in the folder), ``split``, ``group`` and ``findings``
        (empty), ``label`` (0) and ``left_out`` (why a file is no image, else empty).

    Raises:
        PipelineError: If the folder is not there, or a path stands twice in an archive.
    """
    prefix = f"{part.strip('/')}/" if part else ""
    chosen = inventory[inventory["path"].str.startswith(prefix)]
    if not len(chosen):
        raise PipelineError(f"{root} has no files in {part!r}: collection.part must name one of its folders")
    if len(twice := chosen.loc[chosen["path"].duplicated(), "path"]):
        raise PipelineError(f"{twice.iloc[0]} stands twice in its archive: remove one of them")
    pictures = chosen["path"].map(is_picture)
    table = pd.DataFrame({"id": chosen["path"], "source": chosen["path"], "md5": chosen["md5"]})
    table["inner"] = table["source"].str.removeprefix(prefix)
    table = table.assign(split="", group="", findings="", label=0, left_out="").reset_index(drop=True)
    table.loc[~pictures.to_numpy(bool), "left_out"] = NO_PICTURE
    return table


def class_folders(
    inventory: pd.DataFrame, settings: Collection, splits: Mapping[str, str], normal: Sequence[str], root: Path
) -> pd.DataFrame:
    """Read split and class of each image from the first two folders that it lies in.

    Args:
        splits: Folder to the split that it stands for; other folders are not listed.
        normal: The normal classes where the settings name none.

    Returns:
        As :func:`files_of`.

    Raises:
        PipelineError: If there are no such folders, or no images of a normal class.
    """
    part = settings.part
    table = files_of(inventory, part, root)
    folders = table["inner"].map(_folders)
    table = table[folders.map(lambda name: name.partition("/")[0] in splits)]
    folders = folders[table.index]
    if not len(table):
        raise PipelineError(f"{root / part} has none of the folders {', '.join(splits)}: is it laid out otherwise?")
    in_class = folders.str.contains("/", regex=False)
    table.loc[(table["left_out"] == "") & ~in_class, "left_out"] = IN_NO_CLASS
    placed = table["left_out"] == ""
    table.loc[placed, "split"] = folders[placed].map(lambda name: splits[name.partition("/")[0]])
    classes = folders[placed].map(lambda name: sys.intern(normalize("NFC", name.partition("/")[2])))
    labels = by_class(classes, settings.normal or normal, str(root / part))
    table.loc[placed, ["label", "findings"]] = labels
    return table


def _folders(path: str) -> str:
    """The first two folders that a file lies in, in memory once for all files."""
    return sys.intern("/".join(path.split("/")[:-1][:2]))
