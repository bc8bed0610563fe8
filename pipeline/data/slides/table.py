"""Any collection of slides, described by a CSV in its folder."""

from pathlib import Path, PurePosixPath

import pandas as pd

from pipeline.data.collection_csv import read_described
from pipeline.data.inventory import raw_file
from pipeline.data.slides.settings import Slides
from pipeline.data.slides.slide_record import ROLES, SlideRecord
from pipeline.errors import PipelineError
from pipeline.layout import arm_key

COLUMNS = ("path", "role", "annotation", "group")


def read_table(root: Path, inventory: pd.DataFrame, settings: Slides, arm: str) -> list[SlideRecord]:
    """Give every slide that a CSV lists its part.

    The CSV has the columns ``path``, ``role`` (one of :data:`ROLES`), ``annotation`` (the outlines of a tumour slide,
    else empty) and ``group`` (the patient; empty where unknown). Paths are relative to the collection's folder.

    Args:
        root: The collection's folder.
        inventory: Its files.
        settings: The collection's settings; ``table`` names the CSV.
        arm: Names keys in errors.

    Returns:
        All listed slides, used or not, sorted by name.

    Raises:
        PipelineError: If the CSV cannot be read (:func:`pipeline.data.collection_csv.read_described`), or a row names
            an unknown role, a file that is not in the collection, or no outlines for a tumour slide; the sentence
            names the row.
    """
    name = str(settings.table)
    described = read_described(root, inventory, name, COLUMNS, arm_key(arm, "collection.table"))
    rows = described[list(COLUMNS)].itertuples(name=None)
    files = set(inventory["path"])
    records = [_record(row, f"{root / name}, row {number}", root, files) for number, *row in rows]
    return sorted((_excluded(record, settings, arm) for record in records), key=lambda record: record.name)


def _record(row: list[str], where: str, root: Path, files: set[str]) -> SlideRecord:
    path, role, annotation, group = row
    if role not in ROLES:
        raise PipelineError(f"{where}: the role {role!r} is not one of {', '.join(ROLES)}")
    if bool(annotation) != bool(ROLES[role][1]):
        wanted = "needs an annotation with its outlines" if not annotation else "must have no annotation"
        raise PipelineError(f"{where}: a {role} slide {wanted}")
    for name in (path, annotation) if annotation else (path,):
        raw_file(root, name, where)
        if name not in files:
            raise PipelineError(f"{where}: {name!r} is not in {root}: add it and run `make check-data`")
    name = PurePosixPath(path).stem
    return SlideRecord(name, path, role, annotation, group or name)


def _excluded(record: SlideRecord, settings: Slides, arm: str) -> SlideRecord:
    if record.name not in settings.excluded:
        return record
    reason = f"named in {arm_key(arm, 'collection.excluded')}"
    return SlideRecord(record.name, record.path, "", "", record.group, reason)
