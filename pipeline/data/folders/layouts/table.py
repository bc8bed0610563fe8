"""A CSV that says of every image where it is, which split it is in and whether it is normal."""

from pathlib import Path

import pandas as pd

from pipeline.data.archives import read_members, split_source
from pipeline.data.collection_csv import read_described, refuse_formulas, refuse_paths, refuse_values
from pipeline.data.folders.files import NO_PICTURE, files_of
from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import raw_file
from pipeline.data.kinds import ANY_FILES

EXPECTED = ANY_FILES
FILE = "images.csv"
COLUMNS = ("path", "split", "label")
SPLITS = ("train", "val", "test")
LABELS = {"0": 0, "1": 1, "normal": 0, "abnormal": 1}
UNNAMED = "abnormal"  # the finding of an abnormal image that has none
split_path, read_records = split_source, read_members


def read(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """See :meth:`pipeline.data.folders.layout.Layout.read`.

    The CSV's columns are ``path`` (relative to the collection's folder), ``split`` (train, val or test), ``label`` (0
    or normal, 1 or abnormal) and, where known, ``findings`` (joined by a bar) and ``group`` (patient or slide; empty
    where unknown).
    """
    name = settings.file or FILE
    text, file = read_described(root, inventory, name, COLUMNS, "collection.file"), root / name
    for column in ("findings", "group"):
        if column not in text:
            text[column] = ""
    refuse_formulas(text["findings"].str.split("|").explode(), f"{file}, row ")
    for row, path in text["path"].items():
        raw_file(root, path, f"{file}, row {row}")
    refuse_paths(text["path"], file)
    refuse_values(text["split"], ~text["split"].isin(SPLITS), file, "is not train, val or test")
    refuse_values(text["label"], ~text["label"].isin(LABELS), file, "is not 0 or normal, 1 or abnormal")
    label = text["label"].map(LABELS)
    refuse_values(text["findings"], (label == 0) & (text["findings"] != ""), file, "is a finding of a normal image")
    files = files_of(inventory, "", root)
    checksums = files[files["left_out"] != NO_PICTURE].set_index("source")["md5"]
    absent = ~text["path"].isin(checksums.index)
    refuse_values(text["path"], absent, file, f"is no picture in {root}: add it and run `make check-data`")
    findings = text["findings"].where((label == 0) | (text["findings"] != ""), UNNAMED)
    return pd.DataFrame(
        {
            "id": text["path"],
            "source": text["path"],
            "md5": checksums[text["path"]].to_numpy(),
            "split": text["split"],
            "label": label,
            "findings": findings,
            "group": text["group"],
            "left_out": "",
        }
    ).reset_index(drop=True)
