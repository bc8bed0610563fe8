"""Any collection of slides, described by a CSV in its folder."""

from pathlib import Path, PurePosixPath

import pandas as pd

from pipeline.errors import PipelineError
from pipeline.inventory import check_unchanged, raw_file
from pipeline.params.slides import Slides
from pipeline.slides.records import ROLES, SlideRecord

COLUMNS = ("path", "role", "annotation", "group")


def read_table(root: Path, inventory: pd.DataFrame, settings: Slides, arm: str) -> list[SlideRecord]:
    """Give every slide that a CSV lists its part.

    The CSV has the columns ``path``, ``role`` (one of :data:`ROLES`), ``annotation`` (the outlines of a tumour slide,
    else empty) and ``group`` (the patient; empty where unknown). Paths are relative to the collection's folder.

    Args:
        root: The collection's folder.
        inventory: Its files (column ``path``).
        settings: The collection's settings; ``table`` names the CSV.
        arm: The arm, to name keys in errors.

    Returns:
        All listed slides, used or not, sorted by name.

    Raises:
        PipelineError: If the CSV is missing or lacks a column, or a row names an unknown role, a file that is not in
            the collection, or no outlines for a tumour slide; the sentence names the row.
    """
    file = raw_file(root, str(settings.table))
    files = set(inventory["path"])
    if settings.table not in files:
        raise PipelineError(f"slides.{arm}.table names {file}, which is not there: add it and run `make check-data`")
    check_unchanged(root, inventory, [str(settings.table)])
    try:
        # utf-8-sig, since spreadsheets write a byte-order mark
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    except (ValueError, OSError) as error:
        text = " ".join(str(error).split())
        raise PipelineError(f"{file} is not a CSV in UTF-8 with commas ({text}): save it again as such") from error
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise PipelineError(f"{file}: the column {missing[0]} is missing; expected {', '.join(COLUMNS)}, with commas")
    rows = zip(*(table[column].str.strip() for column in COLUMNS), strict=True)
    records = [_record(row, f"{file}, row {number}", root, files) for number, row in enumerate(rows, 2) if any(row)]
    return sorted((_excluded(record, settings, arm) for record in records), key=lambda record: record.name)


def _record(row: tuple[str, ...], where: str, root: Path, files: set[str]) -> SlideRecord:
    path, role, annotation, group = row
    if role not in ROLES:
        raise PipelineError(f"{where}: the role {role!r} is not one of {', '.join(ROLES)}")
    if bool(annotation) != bool(ROLES[role][1]):
        wanted = "needs an annotation with its outlines" if not annotation else "must have no annotation"
        raise PipelineError(f"{where}: a {role} slide {wanted}")
    for name in (path, annotation) if annotation else (path,):
        raw_file(root, name)
        if name not in files:
            raise PipelineError(f"{where}: {name!r} is not in {root}: add it and run `make check-data`")
    name = PurePosixPath(path).stem
    return SlideRecord(name, path, role, annotation, group or name)


def _excluded(record: SlideRecord, settings: Slides, arm: str) -> SlideRecord:
    if record.name not in settings.excluded:
        return record
    return SlideRecord(record.name, record.path, "", "", record.group, f"named in slides.{arm}.excluded")
