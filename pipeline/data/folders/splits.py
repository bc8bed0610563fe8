"""Which image of a collection is in which split of an arm, and what is left out."""

import re
import unicodedata
from pathlib import Path

import pandas as pd

from pipeline.data.collection_csv import refuse_formulas
from pipeline.data.folders.files import NO_PICTURE
from pipeline.data.folders.layout import COLUMNS, layout_of
from pipeline.data.folders.settings import OF_CLASSES, Collection
from pipeline.data.images import check_groups
from pipeline.data.picture_files import format_of, is_picture
from pipeline.data.splitting import (
    SAME_CONTENT,
    draw,
    refuse_empty,
    separate_groups,
    split_warnings,
    use_content_once,
)
from pipeline.errors import PipelineError
from pipeline.files import read_csv

ABNORMAL_TRAINING = "abnormal image of the training split"
NAMED = 10  # kinds in a warning
ORDER = {"test": 0, "val": 1, "train": 2}  # in which split a copy stays


def read_collection(root: Path, inventory: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """Give every image of an arm its split, or the reason why it has none.

    Args:
        root: The collection's folder.
        inventory: Its files.
        settings: The arm's section.

    Returns:
        The columns of :data:`pipeline.data.folders.layout.COLUMNS`, in the order of ids; no group is empty.

    Raises:
        PipelineError: If the collection is not laid out as the settings say, a split is empty, or two files of the same
            content are in two splits or have two labels.
    """
    table = layout_of(settings).read(root, inventory, settings)[COLUMNS].sort_values("id", ignore_index=True)
    table = _known_anomalies(_grouped(table, settings, root, inventory), settings, root)
    table = separate_groups(_hold_out(table, settings), settings.unit)
    once = _use_published_once if settings.layout in OF_CLASSES else use_content_once
    table = once(table, str(root))
    refuse_empty(table, str(root), "check collection.layout, part and normal, and which folders hold images")
    check_groups(used(table), str(root))
    return table


def used(table: pd.DataFrame) -> pd.DataFrame:
    """Return the images that are in a split, with the columns of ``split.csv``."""
    return table.loc[table["split"] != "", COLUMNS[:-1]].reset_index(drop=True)


def read_split(csv: Path) -> pd.DataFrame:
    """Read an arm's ``split.csv``.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    texts = [column for column in COLUMNS[:-1] if column != "label"]
    return read_csv(csv, COLUMNS[:-1], texts, "run `dvc repro`, whose stage prepare_folder makes it")


def warnings_of(table: pd.DataFrame) -> list[str]:
    """Say what a user may not have meant.

    Args:
        table: What :func:`read_collection` returns.

    Returns:
        Sentences.
    """
    sentences = split_warnings(table, "collection.validation_share")
    if not grouped(table):
        sentences.append(
            "the collection does not say which images belong together, so that those that do may be on both sides of "
            "the split: where their names tell, let collection.groups say how, as '(p\\d+)_' does for p17_2.png"
        )
    others = table.loc[table["left_out"] == NO_PICTURE, "id"]
    if len(others):
        sentences.append(
            f"files passed over since they are no pictures that are read: {len(others)}, such as {others.iloc[0]}"
        )
    return sentences


def left_out_anomalies(table: pd.DataFrame, settings: Collection) -> list[str]:
    """Say how abnormal images of the training split can be of use, if they are none by the nature of the layout."""
    kinds = table.loc[table["left_out"] == ABNORMAL_TRAINING, "findings"].value_counts().sort_index()
    if settings.layout in OF_CLASSES or not len(kinds):
        return []
    named = ", ".join(kinds.index[:NAMED]) + (", …" if len(kinds) > NAMED else "")
    return [
        f"{kinds.sum()} abnormal images of the training split are left out; to let them choose settings, name their "
        f"kinds: collection.validation_anomalies=[{named}]"
    ]


def grouped(table: pd.DataFrame) -> bool:
    """Whether it is known which images belong together."""
    return bool((table["group"] != table["id"]).any())


def _grouped(table: pd.DataFrame, settings: Collection, root: Path, inventory: pd.DataFrame) -> pd.DataFrame:
    """Fill in groups: by the pattern, else by the patients of DICOM files, else each image is one."""
    unknown = table["group"] == ""
    if settings.groups is not None:
        if not unknown.all():
            raise PipelineError("collection.groups is set, but the collection names groups itself: set it to null")
        table["group"] = [_match(settings.groups, name) for name in table["id"]]
        refuse_formulas(table.set_index("id")["group"], "")
        unknown = (table["group"] == "") & (table["left_out"] == "")
        if unknown.any():
            name = table.loc[unknown, "id"].iloc[0]
            raise PipelineError(f"collection.groups, {settings.groups!r}, does not match {name!r}: let it match all")
    elif unknown.all():
        table["group"] = _patients(table, root, inventory)
    table["group"] = table["group"].where(table["group"] != "", table["id"])
    return table


def _patients(table: pd.DataFrame, root: Path, inventory: pd.DataFrame) -> pd.Series:
    """The patient of each DICOM file, empty for others."""
    dicom = (table["left_out"] == "") & table["source"].map(
        lambda name: is_picture(name) and format_of(name) == "DICOM"
    )
    if not dicom.any():
        return table["group"]
    # pydicom takes a while to import, and few need it
    from pipeline.data.dicom_tags import read_tags  # noqa: PLC0415

    patients = read_tags(root, inventory, table[dicom])["patient"]
    return table["source"].map(patients).fillna("")


def _match(pattern: str, name: str) -> str:
    found = re.search(pattern, name)
    # an é may be one character in one path and two in another, and is of one patient
    return unicodedata.normalize("NFC", found.group(1) or "") if found else ""


def _known_anomalies(table: pd.DataFrame, settings: Collection, root: Path) -> pd.DataFrame:
    """Let named anomalies of the training split choose, and leave out the others."""
    there = (table["split"] == "train") & (table["label"] == 1)
    known = there & table["findings"].isin(settings.validation_anomalies)
    if absent := sorted({*settings.validation_anomalies} - {*table.loc[known, "findings"]}):
        kinds = ", ".join(sorted(table.loc[there, "findings"].unique())) or "none"
        raise PipelineError(
            f"{root} has no training image of the class {absent[0]!r}: collection.validation_anomalies must be of "
            f"those that there are, {kinds}"
        )
    table.loc[known, "split"] = "val"
    table.loc[there & ~known, ["split", "left_out"]] = ["", ABNORMAL_TRAINING]
    return table


def _hold_out(table: pd.DataFrame, settings: Collection) -> pd.DataFrame:
    """Hold out a share of the training groups, unless the layout holds some out.

    An image that is a group of its own is drawn by its content, so that copies of it go where it goes.
    """
    normal = table["label"] == 0
    if not ((table["split"] == "val") & normal).any():
        train = (table["split"] == "train") & normal
        drawn = table["group"].where(table["group"] != table["id"], table["md5"])
        held_out = {
            name
            for name in drawn[train].unique()
            if draw(settings.seed, "folder validation", name) < settings.validation_share
        }
        table.loc[train & drawn.isin(held_out), "split"] = "val"
    return table


def _use_published_once(table: pd.DataFrame, _: str) -> pd.DataFrame:
    """Leave out of equal images in a published file those of the earlier split; nobody can remove one from the file."""
    placed = table[table["split"] != ""].assign(order=lambda rows: rows["split"].map(ORDER))
    first = placed.sort_values(["order", "id"]).drop_duplicates("md5").set_index("md5")
    original = first.loc[placed["md5"]].set_index(placed.index)
    copies = placed.index[original["split"] != placed["split"]]
    table.loc[copies, "left_out"] = SAME_CONTENT + original.loc[copies, "id"]
    table.loc[copies, "split"] = ""
    return table
