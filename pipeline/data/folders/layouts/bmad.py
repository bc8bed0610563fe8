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
# Folders of masks: BMAD's own, those of anomalib's copy, and MVFA's, which end so.
MASKS, MASKS_ENDING = ("anomaly_mask", "label"), "_AD"
split_path, read_records = split_source, read_members


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :meth:`pipeline.data.folders.layout.Layout.read`."""
    folders = inventory["path"].str.rpartition("/")[0].str.split("/")
    masks = folders.map(lambda names: any(name in MASKS or name.endswith(MASKS_ENDING) for name in names))
    return class_folders(inventory[~masks], settings, SPLITS, NORMAL, root)
