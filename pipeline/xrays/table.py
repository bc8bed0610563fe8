"""Any collection of X-rays, described by a CSV in its folder."""

from pathlib import Path

import pandas as pd

from pipeline.errors import PipelineError
from pipeline.inventory import check_unchanged, raw_file
from pipeline.xrays.index import NO_FINDING, VIEWS

COLUMNS = ("path", "patient", "view", "findings", "split")
# Value of the column split → the list of images that it makes.
LISTS = {"train": "train_val", "val": "val", "test": "test"}


def read_table(root: Path, inventory: pd.DataFrame, table: str) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Read a collection's CSV.

    Its columns are ``path`` (relative to the collection's folder), ``patient``, ``view`` (PA or AP), ``findings``
    (joined by a bar; empty or ``No Finding`` for none) and ``split`` (train, val or test); ``age`` and ``sex`` may be
    there, too.

    Args:
        root: The collection's folder.
        inventory: Its files.
        table: The CSV.

    Returns:
        The index, as of :func:`pipeline.xrays.index.read_index` with the path as ``id``, and image names by list.

    Raises:
        PipelineError: If the CSV is missing, lacks a column, or has a row with an unknown view or split, without a
            patient, or with a path that leaves the folder or stands there twice; the sentence names the row.
    """
    file = raw_file(root, table)
    if not file.is_file():
        raise PipelineError(f"{file} is missing: it describes the collection; see docs/parameters.md for its columns")
    check_unchanged(root, inventory, [table])
    try:
        text = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        found = " ".join(str(error).split())
        raise PipelineError(f"{file} is not a CSV in UTF-8 with commas ({found}): save it again as such") from error
    missing = [column for column in COLUMNS if column not in text]
    if missing:
        raise PipelineError(f"{file}: the column {missing[0]} is missing; expected {', '.join(COLUMNS)}, with commas")
    text = text.apply(lambda column: column.str.strip())
    for path in text["path"]:
        raw_file(root, path)
    _refuse(text["path"], text["path"].duplicated() | (text["path"] == ""), file, "is empty or stands there twice")
    _refuse(text["patient"], text["patient"] == "", file, "must name the patient, or the image where unknown")
    _refuse(text["view"], ~text["view"].isin(VIEWS), file, "is neither PA nor AP")
    _refuse(text["split"], ~text["split"].isin(LISTS), file, "is not train, val or test")
    findings = text["findings"].where(text["findings"] != NO_FINDING, "")
    ages = text["age"] if "age" in text else pd.Series("", index=text.index)
    index = pd.DataFrame(
        {
            "id": text["path"],
            "patient": text["patient"],
            "findings": findings,
            "label": (findings != "").astype(int),
            "view": text["view"],
            "age": pd.to_numeric(ages, errors="coerce"),
            "sex": text.get("sex", ""),
            "follow_up": 0,
        }
    )
    return index, {name: text.loc[text["split"] == split, "path"].tolist() for split, name in LISTS.items()}


def _refuse(column: pd.Series, wrong: pd.Series, file: Path, what: str) -> None:
    if wrong.any():
        row = int(wrong.to_numpy(bool).argmax())
        raise PipelineError(f"{file}: row {row + 2}, column {column.name!r}: {column.iloc[row]!r} {what}")
