"""The page on which a reviewer sees what an arm of X-rays was trained and tested on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.xrays.splits import warnings_of
from pipeline.reporting.tables import plain
from pipeline.reporting.tables import table as markdown_table

# Images that the paper gives (section IV-A), by split and label of the arm.
PAPER_COUNTS: dict[str, dict[tuple[str, int], int]] = {
    "nih_subset": {
        ("train", 0): 4261,
        ("val", 0): 849,
        ("val", 1): 857,
        ("test", 0): 677,
        ("test", 1): 677,
    }
}
AGES = (0, 18, 40, 60, 80, np.inf)
AGE_NAMES = ("0 to 17", "18 to 39", "40 to 59", "60 to 79", "80 and more")
LABELS = {0: "normal", 1: "abnormal"}

PAGE = """# {arm}: what it is trained and tested on

No patient is on two sides. An image without a finding is normal; one with two findings is counted under both.

{counts}

Of these, what turns out to be unreadable is neither trained nor tested on: the heading of `images.png` says how many,
and `data/interim/{arm}/images_status.csv` which and why.

{metadata}

## By view, finding, age and sex

Images, and in brackets their patients.

{groups}

## Patients for cross-validation

Every patient outside the test is in one of three folds (column `fold` of `split.csv`).

{folds}

## Not used, and why

{warnings}{left_out}
"""


def split_page(table: pd.DataFrame, arm: str, differences: Mapping[str, int] | None) -> str:
    """Compose the page.

    Args:
        table: What :func:`pipeline.data.xrays.splits.split_xrays` returns.
        differences: What :func:`pipeline.data.xrays.nih_metadata.compare_versions` found; None without NIH's metadata.

    Returns:
        Markdown.
    """
    kept = table[table["split"] != ""].assign(kind=table["label"].map(LABELS))
    return PAGE.format(
        arm=plain(arm),
        counts=markdown_table(_counts(kept, arm, differences is not None)),
        warnings="".join(f"Warning: {plain(text)}.\n\n" for text in warnings_of(table)),
        metadata=_differences(differences),
        groups=markdown_table(_groups(kept)),
        folds=markdown_table(_folds(kept[kept["fold"] >= 0])),
        left_out=markdown_table(_left_out(table[table["split"] == ""])) if (table["split"] == "").any() else "Nothing.",
    )


def _counts(kept: pd.DataFrame, arm: str, nih: bool) -> list[dict[str, Any]]:
    """Count by split and label, beside the paper's counts and NIH's disagreements where there are such."""
    rows, paper = [], PAPER_COUNTS.get(arm, {})
    for split in ("train", "val", "test"):
        for label, kind in LABELS.items():
            own = kept[(kept["split"] == split) & (kept["label"] == label)]
            if not len(own) and (split, label) not in paper:
                continue
            row: dict[str, Any] = {"split": split, "label": kind, "images": len(own)}
            if paper:
                row["paper"] = paper.get((split, label), "–")
            row["patients"] = own["group"].nunique()
            if nih:
                row["list and metadata disagree"] = int(own["disagrees"].sum())
            rows.append(row)
    return rows


def _differences(counts: Mapping[str, int] | None) -> str:
    if counts is None:
        return "The collection's own table describes it."
    if not counts:
        return "Only one version of the metadata is there."
    listed = "; ".join(f"{what}: {number}" for what, number in counts.items())
    return f"Both versions of the metadata are there, and the one of 2020 is used. Images by what differs: {listed}."


def _groups(kept: pd.DataFrame) -> list[dict[str, Any]]:
    """Count images and patients of each split and label within each group."""
    ages = pd.cut(kept["age"], AGES, right=False, labels=AGE_NAMES).astype(object).fillna("unknown")
    findings = kept.assign(value=kept["findings"].str.split("|")).explode("value")
    parts = {
        "view": kept.assign(value=kept["view"]),
        "finding": findings[findings["value"] != ""],
        "age": kept.assign(value=ages),
        "sex": kept.assign(value=kept["sex"].replace("", "unknown")),
    }
    rows = []
    for name, part in parts.items():
        for value, own in part.groupby("value"):
            row: dict[str, Any] = {"": name, "group": value}
            for split in ("train", "val", "test"):
                for kind in LABELS.values():
                    here = own[(own["split"] == split) & (own["kind"] == kind)]
                    row[f"{split} {kind}"] = f"{len(here)} ({here['group'].nunique()})" if len(here) else "–"
            rows.append(row)
    return [{key: value for key, value in row.items() if _used(rows, key)} for row in rows]


def _used(rows: list[dict[str, Any]], key: str) -> bool:
    return any(row[key] != "–" for row in rows)


def _folds(kept: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "fold": fold,
            "patients": own["group"].nunique(),
            "normal images": int((own["label"] == 0).sum()),
            "abnormal images": int((own["label"] == 1).sum()),
        }
        for fold, own in kept.groupby("fold")
    ]


def _left_out(left: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {"reason": reason, "images": len(own), "patients": own["group"].nunique()}
        for reason, own in left.groupby("left_out")
    ]
