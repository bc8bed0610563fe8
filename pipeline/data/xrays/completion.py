"""Filling the cells that a table of X-rays leaves empty with what the DICOM files say of themselves."""

from collections.abc import Hashable, Mapping
from pathlib import Path

import pandas as pd

from pipeline.data.dicom_header import named
from pipeline.data.dicom_tags import COLUMNS
from pipeline.data.xrays.nih_metadata import VIEWS
from pipeline.errors import PipelineError

ELEMENTS = {"view": "ViewPosition", "patient": "PatientID", "sex": "PatientSex"}
# Column → the values of it that are compared with the file's, if that has one of them, too.
COMPARED = {"view": VIEWS, "sex": ("F", "M")}


def completed(text: pd.DataFrame, tags: pd.DataFrame, file: Path) -> pd.DataFrame:
    """Fill the columns ``view``, ``patient``, ``age`` and ``sex`` of a table where they are empty.

    Args:
        text: The table, as strings; the index is the number of the row in the file.
        tags: Of the DICOM files among its images, see :func:`pipeline.data.dicom_tags.read_tags`.
        file: The table's, for errors.

    Returns:
        The table with all four columns.

    Raises:
        PipelineError: If a view is neither PA nor AP, a cell contradicts its file, neither of them tells view or
            patient, or a patient would have two names; it names the row and the element.
    """
    text = text.assign(**{column: "" for column in COLUMNS if column not in text})
    rows = text.loc[text["path"].isin(tags.index), ["path", *COLUMNS]]
    told = tags.loc[rows["path"], list(COLUMNS)].set_axis(rows.index)
    _check_names(rows["patient"], told["patient"], file)
    filled = [
        _filled(cells, facts, f"{file}, row {row}")
        for row, cells, facts in zip(rows.index, rows.to_dict("records"), told.to_dict("records"), strict=True)
    ]
    text.loc[rows.index, list(COLUMNS)] = pd.DataFrame(filled, rows.index, COLUMNS)
    return text


def _filled(cells: Mapping[Hashable, str], told: Mapping[Hashable, str], where: str) -> dict[str, str]:
    """Fill one row."""
    path = cells["path"]
    if told["view"] not in ("", *VIEWS):
        what = f"{named('ViewPosition')} of {path} is {told['view']!r}, neither PA nor AP"
        raise PipelineError(f"{where}: {what}: remove the row")
    for column, values in COMPARED.items():
        if cells[column] in values and told[column] in values and cells[column] != told[column]:
            what = f"{cells[column]!r}, but {named(ELEMENTS[column])} of {path} is {told[column]!r}"
            raise PipelineError(f"{where}, column {column!r}: {what}: correct the cell, or leave it empty")
    filled = {column: cells[column] or told[column] for column in COLUMNS}
    for column in ("view", "patient"):
        if not filled[column]:
            what = f"the cell is empty, and {named(ELEMENTS[column])} of {path} cannot be read or is empty, too"
            raise PipelineError(f"{where}, column {column!r}: {what}: fill the cell")
    return filled


def _check_names(cells: pd.Series, told: pd.Series, file: Path) -> None:
    """Refuse a patient who has a name in one row and none in another, where the ID would become a second name."""
    by_cell = told[(cells != "") & (told != "")]
    by_file = told[(cells == "") & told.isin(by_cell)]
    if len(by_file):
        row, other = by_file.index[0], by_cell.index[by_cell == by_file.iloc[0]][0]
        raise PipelineError(
            f"{file}, row {row}, column 'patient': the cell is empty, but that of row {other} is not, and both files "
            f"have the same {named('PatientID')}: fill both, or neither"
        )
