"""Folders as a kind of data; see :class:`pipeline.data.kinds.Kind`."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.folders.layout import layout_of
from pipeline.data.folders.new_arm import adapted
from pipeline.data.folders.prepared_arm import prepare_arm
from pipeline.data.folders.settings import Settings
from pipeline.data.folders.splits import left_out_anomalies, read_collection, warnings_of
from pipeline.data.kinds import ANY_FILES, Adapted, Files
from pipeline.layout import RAW


def expected_files(collection: str, asked: Collection[Settings]) -> Files:
    """Say what was published of a collection, by the layouts of its arms."""
    layouts = [layout_of(settings.collection).EXPECTED for settings in asked] or [ANY_FILES]
    return {pattern: number for files in layouts for pattern, number in files.items()}


def check_collection(arm: str, settings: Settings, inventory: pd.DataFrame) -> Sequence[str]:
    """Read where the images are, and which are normal."""
    table = read_collection(RAW / settings.collection_of(arm), inventory, settings.collection)
    return [*warnings_of(table), *left_out_anomalies(table, settings.collection)]


def for_new_arm(arm: str, settings: Settings, folder: Path, given: Mapping[str, Any]) -> Adapted:
    """Say what changes for another collection."""
    return adapted(arm, settings, folder, given)


def prepare(arm: str, settings: Settings, folder: Path, scratch: Path, workers: int) -> None:
    """Prepare the images that are in a split under other settings."""
    prepare_arm(arm, settings, folder, scratch / "status.csv", scratch / "parts", workers)
