"""The metadata of NIH ChestX-ray14: what the collection's files say about its images.

Both published tables are read: ``Data_Entry_2017.csv`` (ages such as ``058Y``, a comma at the end of each
line) and ``Data_Entry_2017_v2020.csv``. Two headings of both hold commas inside brackets, so that a heading
counts as two fields, like the two numbers below it.
"""

import csv
import re
from pathlib import Path
from typing import get_args

import pandas as pd

from pipeline.data.xrays.settings import Finding
from pipeline.errors import PipelineError

METADATA = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")  # the corrected table is preferred
HEADINGS = {
    "id": "Image Index",
    "findings": "Finding Labels",
    "follow_up": "Follow-up #",
    "patient": "Patient ID",
    "age": "Patient Age",
    "sex": "Patient Gender",
    "view": "View Position",
}
FIELDS = 11
NO_FINDING = "No Finding"
VIEWS = ("PA", "AP")
SEXES = ("F", "M", "")
IMAGE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.png")
YEARS = {"Y": 1.0, "M": 1 / 12, "D": 1 / 365.25}


def find_metadata(folder: Path, table: str) -> Path:
    """Return the collection's metadata file.

    Args:
        folder: The collection's.
        table: The setting that names the CSV of another collection, for the error.

    Raises:
        PipelineError: If neither published file is there.
    """
    for name in METADATA:
        if (folder / name).is_file():
            return folder / name
    raise PipelineError(
        f"{folder} holds neither {METADATA[0]} nor {METADATA[1]} of NIH ChestX-ray14: add one, or name the CSV of a "
        f"collection of your own in {table}"
    )


def compare_versions(folder: Path) -> dict[str, int]:
    """Count the images in which the two published tables differ.

    Args:
        folder: The collection's folder.

    Returns:
        What differs, and in how many images; nothing if one of the tables is not there.

    Raises:
        PipelineError: If a table cannot be read.
    """
    if not all((folder / name).is_file() for name in METADATA):
        return {}
    new, old = (read_index(folder / name).set_index("id") for name in METADATA)
    both = new.merge(old, on="id", suffixes=("", "_2017"))
    return {
        "only in that of 2020": len(new) - len(both),
        "only in that of 2017": len(old) - len(both),
        "findings": int((both["findings"] != both["findings_2017"]).sum()),
        "normal in one, abnormal in the other": int((both["label"] != both["label_2017"]).sum()),
        "view": int((both["view"] != both["view_2017"]).sum()),
        "age": int((both["age"] != both["age_2017"]).sum()),
    }


def read_index(csv_file: Path) -> pd.DataFrame:
    """Read the metadata.

    Args:
        csv_file: Either published table, with or without byte-order mark, with any line ends.

    Returns:
        One row per image, in the file's order: ``id`` (file name), ``patient`` (eight digits), ``findings``
        (joined by a bar, empty for none), ``label`` (0 no finding, 1 any), ``view`` (PA or AP), ``age``
        (years as the file says, even the 2017 table's impossible ones), ``sex``, ``follow_up``.

    Raises:
        PipelineError: If a column is missing or renamed, a row has too few or too many fields, an image is
            listed twice, or a value cannot be read; the sentence names file, row and column.
    """
    try:
        with csv_file.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise PipelineError(f"{csv_file} is not CSV in UTF-8: {error}; download it again") from error
    if not lines:
        raise PipelineError(f"{csv_file} is empty; download it again")
    _check_fields(lines, csv_file)
    rows = {number: line[: len(HEADINGS)] for number, line in enumerate(lines[1:], 2) if line}
    return _typed(pd.DataFrame(list(rows.values()), index=list(rows), columns=list(HEADINGS)), csv_file)


def _check_header(line: list[str], csv_file: Path) -> None:
    for position, heading in enumerate(HEADINGS.values()):
        written = line[position].strip() if position < len(line) else ""
        if written != heading:
            raise PipelineError(f"{csv_file}: column {position + 1} must be {heading!r}, found {written!r}")


def _check_fields(lines: list[list[str]], csv_file: Path) -> None:
    _check_header(lines[0], csv_file)
    for number, line in enumerate(lines, 1):
        # the table of 2017 ends each line with a comma
        count = len(line) - (len(line) == FIELDS + 1 and not line[-1])
        if line and count != FIELDS:
            raise PipelineError(f"{csv_file}: row {number} has {count} fields, expected {FIELDS}; download it again")


def _typed(text: pd.DataFrame, csv_file: Path) -> pd.DataFrame:
    """Turn the table of words into the index, refusing what cannot be read."""
    text = text.apply(lambda column: column.str.strip())
    _refuse(text["id"], ~text["id"].map(is_image_name), csv_file, "is not the name of a PNG file without folders")
    _refuse(text["id"], text["id"].duplicated(), csv_file, "is listed a second time")
    _refuse(text["view"], ~text["view"].isin(VIEWS), csv_file, "is neither PA nor AP")
    _refuse(text["sex"], ~text["sex"].isin(SEXES), csv_file, "is neither F nor M")
    for name in ("patient", "follow_up"):
        _refuse(text[name], ~text[name].str.fullmatch(r"\d{1,9}"), csv_file, "is not a whole number")
    _refuse(text["age"], ~text["age"].str.fullmatch(r"\d{1,3}[YMD]?"), csv_file, "is not an age such as 58 or 058Y")
    _check_findings(text["findings"], csv_file)
    findings = text["findings"].where(text["findings"] != NO_FINDING, "")
    index = pd.DataFrame(
        {
            "id": text["id"],
            "patient": text["patient"].astype(int).map("{:08d}".format),
            "findings": findings,
            "label": (findings != "").astype(int),
            "view": text["view"],
            "age": text["age"].map(years),
            "sex": text["sex"],
            "follow_up": text["follow_up"].astype(int),
        }
    )
    return index.reset_index(drop=True)


def _check_findings(findings: pd.Series, csv_file: Path) -> None:
    for joined in findings.unique():
        names = joined.split("|")
        unknown = [name for name in names if name not in get_args(Finding) and joined != NO_FINDING]
        if unknown:
            what = f"names {unknown[0]!r}, which is none of the 14 findings and does not stand alone as {NO_FINDING!r}"
            _refuse(findings, findings == joined, csv_file, what)


def _refuse(column: pd.Series, wrong: pd.Series, csv_file: Path, what: str) -> None:
    """Raise for the first wrong value of a column whose index holds line numbers."""
    if wrong.any():
        row = column.index[wrong.to_numpy(bool)][0]
        heading = HEADINGS[str(column.name)]
        raise PipelineError(f"{csv_file}: row {row}, column {heading!r}: {column[row]!r} {what}")


def years(age: str) -> float:
    """Read an age such as ``58``, ``058Y``, ``3M`` or ``20D``, in years."""
    unit = age[-1] if age[-1] in YEARS else "Y"
    return round(float(age.rstrip("YMD")) * YEARS[unit], 2)


def is_image_name(name: str) -> bool:
    """Tell whether a name is that of a PNG file, without a folder or anything that leads out of one."""
    return IMAGE_NAME.fullmatch(name) is not None


def read_names(list_file: Path) -> list[str]:
    """Read a list of image names, one a line.

    Args:
        list_file: Such as ``train_val_list.txt``.

    Returns:
        The names in the file's order.

    Raises:
        PipelineError: If the file is missing, or a line is no image name or stands there twice.
    """
    if not list_file.is_file():
        raise PipelineError(f"{list_file} is missing: put the list of image names there")
    try:
        lines = list_file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise PipelineError(f"{list_file} is not text in UTF-8; download it again") from error
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name:
            continue
        if not is_image_name(name):
            raise PipelineError(f"{list_file}: row {number}: {name!r} is not the name of a PNG file without folders")
        if name in seen:
            raise PipelineError(f"{list_file}: row {number}: {name!r} stands in row {seen[name]} already")
        seen[name] = number
    return list(seen)
