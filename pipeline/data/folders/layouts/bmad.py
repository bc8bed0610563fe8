"""BMAD's layout: ``train/good``, ``{valid,test}/{good,Ungood}``, flat or in ``img``, with masks beside."""

from pathlib import Path

import pandas as pd

from pipeline.data.archives import read_members, split_source
from pipeline.data.folders.files import class_folders
from pipeline.data.folders.settings import Collection
from pipeline.data.kinds import ANY_FILES

EXPECTED = ANY_FILES
SPLITS = {"train": "train", "valid": "val", "val": "val", "test": "test"}
NORMAL = ("good",)
MASKS = ("anomaly_mask", "label")  # folders of them in those of classes: BMAD's own, and of anomalib's copy
split_path, read_records = split_source, read_members


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :meth:`pipeline.data.folders.layout.Layout.read`."""
    inner = inventory["path"].str.removeprefix(f"{settings.part.strip('/')}/").str.split("/")
    masks = inner.map(lambda names: any(name in MASKS for name in names[2:-1]))
    return class_folders(inventory[~masks], settings, SPLITS, NORMAL, root)
