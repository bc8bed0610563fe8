"""What an arm of X-rays has to change for another collection."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.collection_csv import choose_table, read_rows
from pipeline.data.kinds import Adapted, is_given
from pipeline.data.xrays.nih_metadata import METADATA, NO_FINDING
from pipeline.data.xrays.settings import Settings, SplitXrays
from pipeline.data.xrays.table import NEEDED

GENERATED, TABLE, LISTS, FINDINGS, VIEW = (
    f"split_xrays.{key}" for key in ("generated", "table", "lists", "validation_findings", "view")
)


def adapted(arm: str, settings: Settings, folder: Path, given: Mapping[str, Any]) -> Adapted:
    """See :meth:`pipeline.data.kinds.Kind.for_new_arm`; without a CSV, the layout stays that of NIH ChestX-ray14."""
    split = settings.split_xrays
    table = choose_table(folder, NEEDED, TABLE, split.table, given, METADATA)
    if table is None:
        return Adapted({GENERATED: False})
    by_rows = _by_rows(read_rows(folder / table, NEEDED), split, given)
    said = [f"{table} describes the X-rays", *by_rows.said]
    return Adapted({GENERATED: False, TABLE: table, LISTS: None, **by_rows.changes}, said)


def _by_rows(rows: pd.DataFrame, split: SplitXrays, given: Mapping[str, Any]) -> Adapted:
    """Keep known findings and view if the CSV has them, else take its own."""
    changes: dict[str, Any] = {}
    said: list[str] = []
    findings = rows.loc[rows["split"] != "test", "findings"]
    alone = {*findings[~findings.str.contains("|", regex=False)]} - {"", NO_FINDING}
    if alone and not alone & {*split.validation_findings} and not is_given(FINDINGS, given):
        changes[FINDINGS] = sorted(alone)
    views = sorted({*rows.get("view", ())} - {""})  # DICOM files may tell their own
    if not views or split.view is None or is_given(VIEW, given):
        return Adapted(changes, said)
    if split.view not in views:
        changes[VIEW] = views[0] if len(views) == 1 else None
    elif len(views) > 1:
        said.append(f"it keeps {VIEW}: {split.view}, so images of other views are left out (--set {VIEW}= takes all)")
    return Adapted(changes, said)
