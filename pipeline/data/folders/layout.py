"""The face of a layout, and what the layouts share."""

from collections.abc import Collection as Names
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import pandas as pd

from pipeline.data.collection_csv import FORMULA
from pipeline.data.folders.settings import Collection
from pipeline.data.kinds import Files
from pipeline.errors import PipelineError

NAMED = 20  # classes in an error
COLUMNS = ["id", "source", "md5", "split", "label", "findings", "group", "left_out"]


class Layout(Protocol):
    """What each module of :mod:`pipeline.data.folders.layouts` offers."""

    EXPECTED: Files  # what is published of such a collection, for `make check-data`

    def read(self, root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
        """List the images of an arm.

        Args:
            root: The collection's folder.
            inventory: Its files.
            settings: The arm's section.

        Returns:
            One row per image: ``id`` (unique; the path, unless the layout has a better name), ``source`` (path below
            the folder; of an image in a file that holds many, that file's path and the image's name in it), ``md5`` of
            its content, ``split`` (train, val or test as published; empty if it is left out), ``label`` (0 normal, 1
            abnormal), ``findings`` (the class of an abnormal image; empty for normal ones), ``group`` (empty where the
            layout does not tell), ``left_out`` (why, empty if used). Abnormal images of the training split may be
            among them.

        Raises:
            PipelineError: In one sentence that names the file, row or class.
        """
        ...

    def split_path(self, source: str) -> tuple[str, str]:
        """Split a source into the file that holds many images, empty if it is one itself, and the name in it."""
        ...

    def read_records(self, file: Path) -> Iterator[tuple[str, bytes | np.ndarray]]:
        """Read a file that holds many images: name and picture file, or pixels uint8 (H, W) or (H, W, 3).

        Raises:
            PipelineError: If it is damaged, or holds anything else.
        """
        ...


def layout_of(settings: Collection) -> Layout:
    """Open the module of a layout."""
    return cast(Layout, import_module(f"pipeline.data.folders.layouts.{settings.layout}"))


def by_class(classes: pd.Series, normal: Names[str], where: str) -> pd.DataFrame:
    """Tell normal from abnormal by an image's class.

    Args:
        classes: The class of each image, an accented letter as one character.
        normal: The classes that are normal.
        where: What to name in an error.

    Returns:
        ``label`` and ``findings``, with the index of ``classes``.

    Raises:
        PipelineError: If there are no images, none is of a class that shall be normal, or a class would be a formula in
            a spreadsheet.
    """
    known = sorted(classes.unique())
    if not known:
        raise PipelineError(f"{where} has no image of any class: check collection.layout and part")
    if formulas := [name for name in known if FORMULA.match(name)]:
        raise PipelineError(
            f"{where} has the class {formulas[0]!r}, which would be a formula in a spreadsheet: let its name begin "
            "with a letter or digit"
        )
    if absent := sorted({*normal} - {*known}):
        shown = ", ".join(known[:NAMED]) + (f" and {len(known) - NAMED} others" if len(known) > NAMED else "")
        raise PipelineError(f"{where} has no image of the class {absent[0]!r}: collection.normal must be of {shown}")
    abnormal = ~classes.isin([*normal])
    return pd.DataFrame({"label": abnormal.astype(int), "findings": classes.where(abnormal, "")})
