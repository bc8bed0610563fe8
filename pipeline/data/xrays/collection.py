"""The X-rays of a collection with their splits, whatever its layout."""

from pathlib import Path

import pandas as pd

from pipeline.data.inventory import check_unchanged
from pipeline.data.xrays.nih_metadata import METADATA, compare_versions, find_metadata, read_index
from pipeline.data.xrays.settings import SplitXrays
from pipeline.data.xrays.splits import list_files, read_lists, split_xrays
from pipeline.data.xrays.table import read_table
from pipeline.layout import arm_key


def read_collection(
    root: Path, inventory: pd.DataFrame, settings: SplitXrays, arm: str
) -> tuple[pd.DataFrame, dict[str, int] | None]:
    """Give every X-ray of a collection its split.

    Args:
        root: The collection's folder.
        inventory: Its files.
        settings: The arm's section: the layout of NIH ChestX-ray14, or the ``table`` that describes another.
        arm: Names keys in errors.

    Returns:
        What :func:`pipeline.data.xrays.splits.split_xrays` returns, and what
        :func:`pipeline.data.xrays.nih_metadata.compare_versions` found in NIH's layout.

    Raises:
        PipelineError: If metadata, lists or table cannot be read, contradict each other, or changed since they were
            listed.
    """
    key = arm_key(arm, "split_xrays.table")
    if settings.table is not None:
        index, lists = read_table(root, inventory, settings.table, key)
        return split_xrays(index, lists, inventory, settings), None
    read = (*METADATA, *list_files(settings.lists or "official").values())
    check_unchanged(root, inventory, [name for name in read if (root / name).is_file()])
    index, lists = read_index(find_metadata(root, key)), read_lists(root, settings.lists or "official")
    return split_xrays(index, lists, inventory, settings), compare_versions(root)
