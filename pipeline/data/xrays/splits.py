"""Which X-ray belongs to an arm and to which split: patients, never images, are divided."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compute.seeding import generator
from pipeline.data.images import SPLITS, check_groups
from pipeline.data.splitting import (
    draw,
    leave_out_missing,
    refuse_empty,
    separate_groups,
    split_warnings,
    use_content_once,
)
from pipeline.data.xrays.files import locate_images
from pipeline.data.xrays.nih_metadata import read_names
from pipeline.data.xrays.settings import SplitXrays
from pipeline.errors import PipelineError
from pipeline.files import read_csv

COLUMNS = ["id", "split", "label", "findings", "group", "fold", "view", "age", "sex", "source", "md5"]
OFFICIAL_LISTS = {"train_val": "train_val_list.txt", "test": "test_list.txt"}
# split and label of the five lists of Tang et al.'s clearer cases
SUBSET_LISTS = {
    "normal_train": ("train", 0),
    "normal_val": ("val", 0),
    "anomaly_val": ("val", 1),
    "normal_test": ("test", 0),
    "anomaly_test": ("test", 1),
}
FOLDS = 3
OTHER_FINDINGS = "validation patient, findings not among validation_findings"
NAMED = 10  # findings in a warning


def read_lists(folder: Path, kind: str) -> dict[str, list[str]]:
    """Read the lists of image names of a collection.

    Args:
        folder: The collection's folder.
        kind: ``official`` (train_val_list.txt, test_list.txt) or ``subset`` (five files in ``subset/``).

    Returns:
        Image names by list.

    Raises:
        PipelineError: If a list is missing or unreadable.
    """
    return {name: read_names(folder / file) for name, file in list_files(kind).items()}


def list_files(kind: str) -> dict[str, str]:
    """Return the file of each list, relative to the collection's folder; see :func:`read_lists`."""
    return OFFICIAL_LISTS if kind == "official" else {name: f"subset/{name}.txt" for name in SUBSET_LISTS}


def split_xrays(
    index: pd.DataFrame, lists: Mapping[str, Sequence[str]], inventory: pd.DataFrame, settings: SplitXrays
) -> pd.DataFrame:
    """Give every image of the metadata its split, or the reason why it has none.

    Args:
        index: The metadata as :func:`pipeline.data.xrays.nih_metadata.read_index` returns it.
        lists: Image names by list, as :func:`read_lists` returns them.
        inventory: The collection's files.

    Returns:
        All rows of the metadata, ordered by id: ``id``, ``split`` (train, val, test, or empty if left out),
        ``left_out`` (the reason, empty if used), ``label``, ``findings`` (empty for normal images), ``group``
        (patient), ``fold`` (of the patient, 0 to 2, for cross-validation; −1 for test patients), ``view``, ``age``,
        ``sex``, ``source`` (path below the collection's folder), ``md5``, ``disagrees`` (whether list and metadata
        differ on whether there is a finding).

    Raises:
        PipelineError: If lists and metadata contradict each other, a split is empty, more than 1 % of the arm's files
            are missing, or two images of the same content are in two splits or have two labels.
    """
    table = index.rename(columns={"patient": "group"}).sort_values("id", ignore_index=True)
    table["listed"] = _listed(table["id"], lists)
    table = _split_subset(table) if settings.lists == "subset" else _split_official(table, settings)
    other_view = table["view"] != (settings.view or table["view"])
    table.loc[other_view, ["split", "left_out"]] = ["", "other view"]
    table = separate_groups(table, "patient")
    table = _attach_files(table, locate_images(inventory, settings.table))
    table = use_content_once(table, settings.collection)
    table["fold"] = _folds(table, settings.seed)
    refuse_empty(table, settings.collection, "check the view, and the lists or the CSV's columns split and findings")
    check_groups(used(table), settings.collection)
    return table[[*COLUMNS, "left_out", "disagrees"]]


def used(table: pd.DataFrame) -> pd.DataFrame:
    """Return the images that are in a split, with the columns of ``split.csv``."""
    return table.loc[table["split"] != "", COLUMNS].reset_index(drop=True)


def read_split(csv: Path) -> pd.DataFrame:
    """Read an arm's ``split.csv``.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    texts = [column for column in COLUMNS if column not in ("label", "fold", "age")]
    needed = [column for column in COLUMNS if column != "age"]  # it may be unknown
    return read_csv(csv, needed, texts, "run `dvc repro`, whose stage split_xrays makes it")


def _listed(ids: pd.Series, lists: Mapping[str, Sequence[str]]) -> pd.Series:
    """Return for every image the list that names it, or an empty word."""
    known = set(ids)
    owner: dict[str, str] = {}
    for list_name, names in lists.items():
        for name in names:
            if name not in known:
                raise PipelineError(
                    f"{name!r} of the list {list_name} is not in the metadata; are both of one data set?"
                )
            if name in owner:
                raise PipelineError(f"{name!r} stands in both lists {owner[name]} and {list_name}: remove it from one")
            owner[name] = list_name
    return ids.map(lambda name: owner.get(name, ""))


def _split_official(table: pd.DataFrame, settings: SplitXrays) -> pd.DataFrame:
    """Split by train_val_list.txt and test_list.txt; hold out a share of the training patients."""
    in_test, in_train_val = (set(table.loc[table["listed"] == name, "group"]) for name in ("test", "train_val"))
    listed_val = set(table.loc[table["listed"] == "val", "group"])
    for patients, others, where in (
        (in_test, in_train_val, "train_val and test"),
        (in_test, listed_val, "val and test"),
        (in_train_val, listed_val, "train and val"),
    ):
        if patients & others:
            raise PipelineError(f"patient {min(patients & others)} has images in {where}: keep them in one")
    held_out = {p for p in in_train_val if draw(settings.seed, "x-ray validation", p) < settings.validation_share}
    listed, normal = table["listed"], table["label"] == 0
    in_val = (listed == "val") | (listed == "train_val") & table["group"].isin(held_out)
    in_train = (listed == "train_val") & ~in_val
    known_anomaly = table["findings"].isin(settings.validation_findings)
    cases = {
        "test": listed == "test",
        "val": in_val & (normal | known_anomaly),
        "train": in_train & normal,
    }
    reasons = {
        "in neither list": listed == "",
        "abnormal image of a training patient": in_train & ~normal,
        OTHER_FINDINGS: in_val & ~normal & ~known_anomaly,
    }
    split = np.select(list(cases.values()), list(cases), "")
    left_out = np.select(list(reasons.values()), list(reasons), "")
    return table.assign(split=split, left_out=left_out, disagrees=False)


def _folds(table: pd.DataFrame, seed: int) -> pd.Series:
    """Give every patient who is not in the test a fold, whatever other patients there are."""
    tested = set(table.loc[table["split"] == "test", "group"])
    fold = {
        patient: -1 if patient in tested else int(generator(seed, "x-ray fold", patient).integers(FOLDS))
        for patient in table["group"].unique()
    }
    return table["group"].map(fold)


def _split_subset(table: pd.DataFrame) -> pd.DataFrame:
    """Take split and label from the five lists, whose readers looked at the images again."""
    listed = table["listed"]
    label = listed.map({name: label for name, (_, label) in SUBSET_LISTS.items()})
    return table.assign(
        split=listed.map({name: split for name, (split, _) in SUBSET_LISTS.items()}).fillna(""),
        left_out=np.where(listed == "", "in no list", ""),
        disagrees=label.notna() & (label != table["label"]),
        label=label.fillna(table["label"]).astype(int),
        findings=table["findings"].where(label != 0, ""),
    )


def _attach_files(table: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Add path and checksum; an image without a file leaves its split."""
    table = table.merge(files, on="id", how="left", validate="one_to_one")
    table[["source", "md5"]] = table[["source", "md5"]].fillna("")
    return leave_out_missing(table, "put them below images/")


def warnings_of(table: pd.DataFrame) -> list[str]:
    """Say which images are left out although they may have been meant to be used.

    Args:
        table: What :func:`split_xrays` returns.

    Returns:
        Sentences.
    """
    sentences = split_warnings(table, "split_xrays.validation_share")
    unknown = table.loc[table["left_out"] == OTHER_FINDINGS, "findings"].value_counts().sort_index()
    if len(unknown):
        most = unknown.sort_values(ascending=False, kind="stable")[:NAMED]
        named = ", ".join(f"{findings} ({number})" for findings, number in most.items())
        others = f" and {len(unknown) - NAMED} others" if len(unknown) > NAMED else ""
        sentences.append(
            f"{unknown.sum()} abnormal images of validation patients are not used, since validation_findings does not "
            f"name what they show: {named}{others}"
        )
    return sentences


def count_table(table: pd.DataFrame) -> pd.DataFrame:
    """Count images and patients by split, label, view and finding, and what was left out.

    Args:
        table: What :func:`split_xrays` returns.

    Returns:
        ``split``, ``label``, ``view``, ``finding``, ``images``, ``patients``, ``note``. The rows whose
        finding is ``all`` and whose note does not begin with "of these" add up to the metadata. An image with
        two findings is counted under both.
    """
    keys = ["split", "label", "view"]
    kept = table[table["split"] != ""]
    left = table[table["split"] == ""].assign(split="left out")
    findings = kept.assign(finding=kept["findings"].str.split("|")).explode("finding")
    findings = findings[findings["finding"] != ""]
    note = np.where(kept["label"] == 0, "of these with findings in the metadata", "of these without in the metadata")
    counts = pd.concat(
        [
            _count(kept.assign(finding="all", note=""), keys),
            _count(kept.assign(finding="all", note=note)[kept["disagrees"]], keys),
            _count(findings.assign(note=""), keys),
            _count(left.assign(finding="all", note=left["left_out"]), keys),
        ]
    )
    counts["split"] = pd.Categorical(counts["split"], [*SPLITS, "left out"])
    return counts.sort_values(keys, kind="stable", ignore_index=True).astype({"split": str})


def _count(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    grouped = rows.groupby([*keys, "finding", "note"], as_index=False)
    counts = grouped.agg(images=("id", "size"), patients=("group", "nunique"))
    return counts[[*keys, "finding", "images", "patients", "note"]]
