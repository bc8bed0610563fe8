"""Any collection of X-rays, described by a CSV in its folder."""

from pathlib import Path

import pandas as pd

from pipeline.data.collection_csv import read_described, refuse_formulas
from pipeline.data.inventory import raw_file
from pipeline.data.xrays.files import locate_images
from pipeline.data.xrays.nih_metadata import NO_FINDING, VIEWS, years
from pipeline.errors import PipelineError

COLUMNS = ("path", "patient", "view", "findings", "split")
AGE = r"\d{1,3}(\.\d+)?[YMD]?"
# Value of the column split → the list of images that it makes.
LISTS = {"train": "train_val", "val": "val", "test": "test"}


def read_table(root: Path, inventory: pd.DataFrame, table: str, key: str) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Read a collection's CSV.

    Its columns are ``path`` (relative to the collection's folder), ``patient``, ``view`` (PA or AP), ``findings``
    (joined by a bar; empty or ``No Finding`` for none) and ``split`` (train, val or test); ``age`` and ``sex`` may be
    there, too.

    Args:
        root: The collection's folder.
        inventory: Its files.
        table: The CSV, relative to the folder.
        key: The setting that names it, for the error.

    Returns:
        The index, as of :func:`pipeline.data.xrays.nih_metadata.read_index` with the path as ``id``, and image names by
        list.

    Raises:
        PipelineError: If the CSV cannot be read (:func:`pipeline.data.collection_csv.read_described`), or has a row
            with an unknown view or split, without a patient, with an impossible age, or with a path that leaves the
            folder, stands there twice or has no image; the sentence names the row.
    """
    text = read_described(root, inventory, table, COLUMNS, key)
    file = root / table
    refuse_formulas(text["findings"].str.split("|").explode(), f"{file}, row ")  # reports count each of its own
    words = text["findings"].str.split("|")
    alone = (text["findings"] == "") | (text["findings"] == NO_FINDING)
    wrong = words.map(lambda several: any(word.strip().lower() in ("", NO_FINDING.lower()) for word in several))
    _refuse(
        text["findings"],
        wrong & ~alone,
        file,
        "is no list of findings: for none, leave it empty or write No Finding",
    )
    for row, path in text["path"].items():
        raw_file(root, path, f"{file}, row {row}")
    _refuse(text["path"], text["path"].duplicated() | (text["path"] == ""), file, "is empty or stands there twice")
    _refuse(text["patient"], text["patient"] == "", file, "must name the patient, or the image where unknown")
    _refuse(text["view"], ~text["view"].isin(VIEWS), file, "is neither PA nor AP")
    _refuse(text["split"], ~text["split"].isin(LISTS), file, "is not train, val or test")
    known = locate_images(inventory, table)["id"]
    _refuse(
        text["path"], ~text["path"].isin(known), file, f"is no PNG or JPEG in {root}: add it and run `make check-data`"
    )
    ages = text["age"] if "age" in text else pd.Series("", index=text.index)
    _refuse(
        ages, (ages != "") & ~ages.str.fullmatch(AGE), file, "is not an age such as 58, 0.5 or 058Y; empty if unknown"
    )
    text, ages = text.reset_index(drop=True), ages.reset_index(drop=True)  # row numbers of the file serve errors only
    findings = text["findings"].where(text["findings"] != NO_FINDING, "")
    index = pd.DataFrame(
        {
            "id": text["path"],
            "patient": text["patient"],
            "findings": findings,
            "label": (findings != "").astype(int),
            "view": text["view"],
            "age": ages.map(lambda age: years(age) if age else float("nan")).astype(float),
            "sex": text.get("sex", ""),
            "follow_up": 0,
        }
    )
    return index, {name: text.loc[text["split"] == split, "path"].tolist() for split, name in LISTS.items()}


def _refuse(column: pd.Series, wrong: pd.Series, file: Path, what: str) -> None:
    if wrong.any():
        row, value = next(column[wrong].items())
        raise PipelineError(f"{file}, row {row}, column {column.name!r}: {value!r} {what}")
