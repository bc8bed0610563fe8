"""X-rays as a kind of data; see :class:`pipeline.data.kinds.Kind`."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.kinds import ANY_FILES, Adapted, Files
from pipeline.data.xrays.collection import read_collection
from pipeline.data.xrays.new_arm import adapted
from pipeline.data.xrays.prepared_arm import prepare_arm
from pipeline.data.xrays.settings import Settings
from pipeline.data.xrays.splits import SUBSET_LISTS, warnings_of
from pipeline.layout import RAW

NIH: Files = {
    "Data_Entry_2017*.csv": (1, 1),
    "train_val_list.txt": (1, 1),
    "test_list.txt": (1, 1),
    "images*/*.png": (112120, 112120),
}
NIH_SUBSET: Files = {f"subset/{name}.txt": (1, 1) for name in SUBSET_LISTS}


def expected_files(collection: str, asked: Collection[Settings]) -> Files:
    """Say what was published of a collection; the lists of the subset are expected where an arm reads them."""
    if collection != "nih":
        return ANY_FILES
    return {**NIH, **(NIH_SUBSET if any(settings.split_xrays.lists == "subset" for settings in asked) else {})}


def check_collection(arm: str, settings: Settings, inventory: pd.DataFrame) -> Sequence[str]:
    """Read what describes the X-rays; of NIH's own, the names of files were looked at."""
    collection = settings.collection_of(arm)
    if not settings.split_xrays.table and collection == "nih":
        return []
    table, _ = read_collection(RAW / collection, inventory, settings.split_xrays, arm)
    return warnings_of(table)


def for_new_arm(arm: str, settings: Settings, folder: Path, given: Mapping[str, Any]) -> Adapted:
    """Say what changes for another collection."""
    return adapted(arm, settings, folder, given)


def prepare(arm: str, settings: Settings, folder: Path, scratch: Path, workers: int) -> None:
    """Prepare the X-rays that are in a split under other settings."""
    prepare_arm(arm, settings, folder, scratch / "status.csv", workers)
