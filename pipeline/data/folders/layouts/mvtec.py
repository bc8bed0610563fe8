"""MVTec AD's layout, which many use: ``train/good``, ``test/good`` and ``test/<defect>``."""

from pathlib import Path

import pandas as pd

from pipeline.data.archives import read_members, split_source
from pipeline.data.folders.files import class_folders
from pipeline.data.folders.settings import Collection
from pipeline.data.kinds import ANY_FILES

EXPECTED = ANY_FILES
SPLITS = {"train": "train", "val": "val", "validation": "val", "test": "test"}
NORMAL = ("good",)
split_path, read_records = split_source, read_members


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :meth:`pipeline.data.folders.layout.Layout.read`; masks in ``ground_truth`` are not images."""
    return class_folders(inventory, settings, SPLITS, NORMAL, root)
