"""Opening the CSV that describes a collection, whatever the collection holds."""

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.inventory import check_unchanged, raw_file
from pipeline.errors import PipelineError

# A spreadsheet that opens a report would compute such a value; numbers and a lone sign are harmless.
FORMULA = re.compile(r"(?![+-]?[\d.]+$)[=+@-].", re.DOTALL)
# Unicode's categories of what nobody sees: two names that differ in it look like one patient.
UNSEEN = ("Cc", "Cf", "Zl", "Zp")
SEPARATORS = {";": "semicolons", "\t": "tabs"}  # of spreadsheets in some languages
PATHS = ("path", "annotation")  # as they are on the disk, whatever is in them


def read_described(root: Path, inventory: pd.DataFrame, table: str, columns: Sequence[str], key: str) -> pd.DataFrame:
    """Read the CSV that describes a collection.

    Blank rows are left out, wherever they stand, and the row numbers of the others do not change by that.

    Args:
        root: The collection's folder.
        inventory: Its files.
        table: The CSV, relative to the folder.
        columns: The columns that it must have; it may have others.
        key: The setting that names the CSV, for the error.

    Returns:
        All its columns as strings without spaces around them, empty where nothing stands. The index is the number of
        the row in the file as a spreadsheet shows it: 2 for the one under the header.

    Raises:
        PipelineError: If the CSV leaves the folder, is missing, changed since it was listed, is no CSV in UTF-8, lacks
            a column or has one twice, a row has more values than there are columns, or a value would be a
            formula in a spreadsheet.
    """
    file = raw_file(root, table)
    if not file.is_file():
        raise PipelineError(
            f"{key} names {table}, but {file} is missing: add it (docs/adding.md shows its columns) and run "
            "`make check-data`"
        )
    check_unchanged(root, inventory, [table])
    return read_rows(file, columns)


def read_rows(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read the CSV whether it was listed or not; see :func:`read_described`."""
    rows = _read_rows(file)
    header = rows.pop(min(rows, default=0), [])
    _check_header(header, columns, file)
    cells = [_fit(row, len(header), f"{file}, row {number}") for number, row in rows.items()]
    described = pd.DataFrame(cells, index=list(rows), columns=header, dtype=str)
    for column in filter(None, header):
        refuse_formulas(described[column], f"{file}, row ")
        if column not in PATHS:
            described[column] = _one_spelling(described[column], f"{file}, row ")
    return described


def choose_table(
    folder: Path,
    columns: Sequence[str],
    key: str,
    usual: str | None,
    given: Mapping[str, Any],
    published: Sequence[str],
) -> str | None:
    """Find the CSV that describes a collection.

    Args:
        folder: The collection's, wherever it lies.
        columns: Those that the CSV has.
        key: The setting that names it.
        usual: Which of several is taken; without it, a collection may also be laid out as it is published.
        given: Settings that are not to be chosen.
        published: Files or folders of the layout that needs no CSV.

    Returns:
        Its name, relative to the folder; None in that layout.

    Raises:
        PipelineError: If there is none, or several, or that which is given is missing.
    """
    if key in given:
        named = given[key]
        if named is not None and not raw_file(folder, str(named)).is_file():
            raise PipelineError(f"{key} names {named}, which is not in {folder}: name a CSV that is")
        return None if named is None else str(named)
    found = tables_in(folder, columns)
    if usual in found:
        return usual
    if len(found) > 1:
        raise PipelineError(
            f"{folder} holds {found[0]} and {found[1]}, which both describe it: name one by --set {key}=FILE"
        )
    if found:
        return found[0]
    if usual is None and any((folder / name).exists() for name in published):
        return None
    why = f" ({reason})" if (reason := why_no_table(folder, columns)) else ""
    raise PipelineError(
        f"{folder} holds no CSV with the columns {', '.join(columns)}{' and no '.join(['', *published[:1]])}{why}: "
        "describe the collection in such a CSV, as docs/adding.md shows"
    )


def tables_in(folder: Path, columns: Sequence[str]) -> list[str]:
    """Return the CSVs of a folder that have certain columns."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() == ".csv" and file.is_file()]
    return [file.name for file in files if _has(file, columns)]


def why_no_table(folder: Path, columns: Sequence[str]) -> str:
    """Say what is wrong with the first CSV of a folder that lacks some columns; empty where there is no CSV."""
    for file in (file for file in sorted(folder.iterdir()) if file.suffix.lower() == ".csv" and file.is_file()):
        try:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                header = next((line.strip() for line in lines if line.strip()), "")
        except ValueError:
            return f"{file.name} is not UTF-8: save it again as CSV UTF-8"
        except OSError as error:
            return f"{file.name} cannot be read ({error.strerror})"
        names = [name.strip() for name in header.split(",")]
        if missing := [column for column in columns if column not in names]:
            return f"{file.name} has no column {missing[0]}{_found_instead(names, columns)}"
    return ""


def _found_instead(header: list[str], columns: Sequence[str]) -> str:
    """Say why a column may seem to be missing from a header; begins with a semicolon, or is empty."""
    joined = ",".join(header)
    for sign, name in SEPARATORS.items():
        if {*columns} <= {*re.split(rf"\s*{sign}\s*", joined)}:
            return f"; it seems to be separated by {name}, not commas"
    if odd := _odd_column(header):
        return f"; its {odd}"
    # letters of other alphabets look like those that are missing
    foreign = next((name for name in header if not name.isascii()), "")
    return f"; its column {foreign[:40]!a} has letters of another alphabet" if foreign else ""


def _odd_column(header: list[str]) -> str:
    """Say which name of a header looks like another one; empty without."""
    name = next(filter(_unseen, header), "")
    return f"column {name[:40]!r} holds a character that nobody sees ({_unseen(name)}): remove it" if name else ""


def _has(file: Path, columns: Sequence[str]) -> bool:
    """Whether a CSV has these columns; only its header is read, since any CSV may lie there."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = next((row for row in csv.reader(lines, strict=True) if any(row)), [])
    except (ValueError, OSError, csv.Error):
        return False
    return {*columns} <= {name.strip() for name in header}


def _one_spelling(values: pd.Series, where: str) -> pd.Series:
    """Give every word one spelling (an é may be one character or two), so that a patient is one group."""
    for row, value in values.items():
        if unseen := _unseen(value):
            raise PipelineError(
                f"{where}{row}, column {values.name}: {value[:40]!r} holds a character that nobody sees "
                f"({unseen}): remove it"
            )
    return values.str.normalize("NFC")


def _unseen(text: str) -> str:
    """The first character of a text that nobody sees, as U+200B; empty without."""
    return next((f"U+{ord(sign):04X}" for sign in text if unicodedata.category(sign) in UNSEEN), "")


def refuse_formulas(values: pd.Series, where: str) -> None:
    """Refuse a value that a spreadsheet would compute, since names and findings end in tables that people open there.

    Args:
        values: Text, by row number or name.
        where: What stands before that number or name in an error.

    Raises:
        PipelineError: Naming the first such value.
    """
    wrong = values[values.str.match(FORMULA)]
    if len(wrong):
        raise PipelineError(
            f"{where}{wrong.index[0]}, column {values.name}: {wrong.iloc[0]!r} would be a formula in a spreadsheet: "
            "let it begin with a letter or digit"
        )


def refuse_values(column: pd.Series, wrong: pd.Series, file: Path, what: str) -> None:
    """Refuse the first wrong value of a column of :func:`read_rows`.

    Args:
        column: Its values.
        wrong: Which of them are wrong, bool.
        file: The CSV.
        what: What is wrong with them.

    Raises:
        PipelineError: Naming file, row, column and value.
    """
    if wrong.any():
        row, value = next(column[wrong].items())
        raise PipelineError(f"{file}, row {row}, column {column.name!r}: {value!r} {what}")


def refuse_paths(paths: pd.Series, file: Path) -> None:
    """Refuse paths of :func:`read_rows` that name no file, or one for the second time; see :func:`refuse_values`."""
    refuse_values(paths, paths.duplicated() | (paths == ""), file, "is empty or stands there twice")


def _read_rows(file: Path) -> dict[int, list[str]]:
    """Row number → values; not by pandas, which numbers no rows and takes a first value too many for a row's name."""
    try:
        # utf-8-sig, since spreadsheets write a byte-order mark; strict, since an open quote would swallow rows
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = [[value.strip() for value in row] for row in csv.reader(lines, strict=True)]
    except (ValueError, OSError, csv.Error) as error:
        raise PipelineError(f"{file} is not a CSV in UTF-8 with commas ({error}): save it again as such") from error
    return {number: row for number, row in enumerate(rows, 1) if any(row)}


def _check_header(header: list[str], columns: Sequence[str], file: Path) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        found = _found_instead(header, columns) if header else "; the file is empty"
        raise PipelineError(
            f"{file}: the column {missing[0]} is missing; expected {', '.join(columns)}, with commas{found}"
        )
    if odd := _odd_column(header):  # else what it says would be passed over
        raise PipelineError(f"{file}: the {odd}")
    twice = [column for column in header if column and header.count(column) > 1]
    if twice:
        raise PipelineError(f"{file}: the column {twice[0]} stands there twice: remove or rename one of them")


def _fit(row: list[str], width: int, where: str) -> list[str]:
    if any(row[width:]):
        raise PipelineError(f"{where}: there are more values than columns: put quotes around a value with a comma")
    return (row + [""] * width)[:width]
