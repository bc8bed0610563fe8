"""Slides as a kind of data; see :class:`pipeline.data.kinds.Kind`."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.kinds import ANY_FILES, Adapted, Files
from pipeline.data.slides.collection import read_collection
from pipeline.data.slides.new_arm import adapted
from pipeline.data.slides.prepared_arm import prepare_arm
from pipeline.data.slides.settings import Settings
from pipeline.layout import RAW

CAMELYON16: Files = {
    "training/normal/*.tif": (159, 160),
    "training/tumor/*.tif": (110, 111),
    "training/lesion_annotations/*.xml": (110, 111),
    "testing/images/*.tif": (129, 130),
    "testing/lesion_annotations/*.xml": (48, 50),
    "testing/reference.csv": (1, 1),
}


def expected_files(collection: str, asked: Collection[Settings]) -> Files:
    """Say what was published of a collection."""
    return CAMELYON16 if collection == "camelyon16" else ANY_FILES


def check_collection(arm: str, settings: Settings, inventory: pd.DataFrame) -> Sequence[str]:
    """Read what describes the slides; of Camelyon16 itself, the names of files were looked at."""
    collection = settings.collection_of(arm)
    if settings.collection.table or collection != "camelyon16":
        read_collection(RAW / collection, inventory, settings.collection, arm)
    return []


def for_new_arm(arm: str, settings: Settings, folder: Path, given: Mapping[str, Any]) -> Adapted:
    """Say what changes for another collection."""
    return adapted(arm, settings, folder, given)


def prepare(arm: str, settings: Settings, folder: Path, scratch: Path, workers: int) -> None:
    """Prepare the tiles that were drawn under other settings."""
    prepare_arm(arm, settings, folder, scratch / "normalized", scratch / "parts", workers)
