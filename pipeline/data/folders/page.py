"""The page on which a reviewer sees what an arm of folders was trained and tested on."""

from typing import Any

import pandas as pd

from pipeline.data.folders.splits import grouped, warnings_of
from pipeline.data.images import SPLITS
from pipeline.data.splitting import SAME_CONTENT
from pipeline.reporting.tables import plain
from pipeline.reporting.tables import table as markdown_table

LABELS = {0: "normal", 1: "abnormal"}

PAGE = """# {arm}: what it is trained and tested on

{groups}

{counts}

## By class or finding

Images, and in brackets their {unit}s. An image with two findings is counted under both.

{findings}

## Not used, and why

{warnings}{left_out}
"""


def split_page(table: pd.DataFrame, arm: str, unit: str) -> str:
    """Compose the page.

    Args:
        table: What :func:`pipeline.data.folders.splits.read_collection` returns.
        unit: What a group is, in a word.

    Returns:
        Markdown.
    """
    kept, left = table[table["split"] != ""], table[table["split"] == ""]
    known = f"No {plain(unit)} is on two sides." if grouped(table) else "Each image counts as a group of its own."
    return PAGE.format(
        arm=plain(arm),
        unit=plain(unit),
        groups=known,
        counts=markdown_table(_counts(kept, unit)),
        findings=markdown_table(_findings(kept)) if (kept["label"] == 1).any() else "",
        warnings="".join(f"Warning: {plain(text)}.\n\n" for text in warnings_of(table)),
        left_out=markdown_table(_left_out(left)) if len(left) else "Nothing.",
    )


def count_table(table: pd.DataFrame) -> pd.DataFrame:
    """Count images and groups by split, label and finding, and what was left out.

    Args:
        table: What :func:`pipeline.data.folders.splits.read_collection` returns.

    Returns:
        ``split``, ``label``, ``finding``, ``images``, ``groups``, ``note``. The rows whose finding is ``all`` add up to
        the collection. An image with two findings is counted under both.
    """
    kept = table[table["split"] != ""].assign(note="")
    left = table[table["split"] == ""]
    left = left.assign(split="left out", finding="all", note=_reasons(left["left_out"]))
    rows = pd.concat([kept.assign(finding="all"), _by_finding(kept), left])
    counts = rows.groupby(["split", "label", "finding", "note"], as_index=False).agg(
        images=("id", "size"), groups=("group", "nunique")
    )
    counts["split"] = pd.Categorical(counts["split"], [*SPLITS, "left out"])
    counts = counts.sort_values(["split", "label"], kind="stable", ignore_index=True).astype({"split": str})
    return counts[["split", "label", "finding", "images", "groups", "note"]]


def _by_finding(kept: pd.DataFrame) -> pd.DataFrame:
    findings = kept.assign(finding=kept["findings"].str.split("|")).explode("finding")
    return findings[findings["finding"] != ""]


def _counts(kept: pd.DataFrame, unit: str) -> list[dict[str, Any]]:
    return [
        {"split": split, "label": LABELS[label], "images": len(own), f"{unit}s": own["group"].nunique()}
        for split in SPLITS
        for label in LABELS
        if len(own := kept[(kept["split"] == split) & (kept["label"] == label)])
    ]


def _findings(kept: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for finding, own in _by_finding(kept).groupby("finding"):
        row: dict[str, Any] = {"finding": finding}
        for split in ("val", "test"):
            here = own[own["split"] == split]
            row[split] = f"{len(here)} ({here['group'].nunique()})" if len(here) else "–"
        rows.append(row)
    return rows


def _left_out(left: pd.DataFrame) -> list[dict[str, Any]]:
    return [{"reason": reason, "images": len(own)} for reason, own in left.groupby(_reasons(left["left_out"]))]


def _reasons(left_out: pd.Series) -> pd.Series:
    """Reasons without the names of single images."""
    return left_out.str.replace(rf"^{SAME_CONTENT}.*", f"{SAME_CONTENT}another image", regex=True)
