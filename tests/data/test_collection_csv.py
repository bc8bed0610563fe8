from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.collection_csv import read_described
from pipeline.data.inventory import make_inventory
from pipeline.errors import PipelineError

COLUMNS = ("path", "group")
KEY = "arms/mine.yaml:collection.table"
PLAIN = {2: ["a.png", "1"], 3: ["b.png", "2"]}


def listed(root: Path) -> pd.DataFrame:
    return make_inventory(root, root.parent / "inventory.csv", root.parent / "scratch.json")


def read(root: Path, text: str | bytes) -> pd.DataFrame:
    (root / "table.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_described(root, listed(root), "table.csv", COLUMNS, KEY)


def rows_of(table: pd.DataFrame) -> dict[int, list[str]]:
    return {number: row for number, *row in table.itertuples(name=None)}


@pytest.mark.parametrize(
    "text",
    [
        "path,group\na.png,1\nb.png,2\n",
        "path,group\na.png,1\nb.png,2",
        "path,group\r\na.png,1\r\nb.png,2\r\n",
        "\ufeffpath,group\na.png,1\nb.png,2\n",
        " path , group\n a.png,1 \n b.png ,2\n",
        "path,group\na.png,1,\nb.png,2,,\n",
        "path,group,,\na.png,1,,\nb.png,2,,\n",
        '"path","group"\n"a.png","1"\n"b.png","2"\n',
    ],
)
def test_how_a_spreadsheet_writes_a_table_changes_nothing(tmp_path: Path, text: str) -> None:
    assert rows_of(read(tmp_path, text)[list(COLUMNS)]) == PLAIN


def test_columns_may_stand_in_any_order_among_others(tmp_path: Path) -> None:
    table = read(tmp_path, "group,note,path\n1,old,a.png\n")
    assert table.to_dict("list") == {"group": ["1"], "note": ["old"], "path": ["a.png"]}


def test_what_is_not_given_is_an_empty_string_and_words_stay_words(tmp_path: Path) -> None:
    table = read(tmp_path, "path,group\na.png\n,NA\n007,1e3\n")
    assert rows_of(table) == {2: ["a.png", ""], 3: ["", "NA"], 4: ["007", "1e3"]}


def test_blank_rows_are_left_out_but_counted(tmp_path: Path) -> None:
    assert rows_of(read(tmp_path, "\npath,group\n\na.png,1\n , \n,,,\nb.png,2\n\n")) == {
        4: ["a.png", "1"],
        7: ["b.png", "2"],
    }


def test_a_row_with_a_line_end_in_quotes_counts_once_where_its_row_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"row 3, column group: '1\\nor 2' holds a character that nobody sees"):
        read(tmp_path, 'path,group\nb.png,2\na.png,"1\nor 2"\n')


def test_a_table_with_a_header_only_has_its_columns_and_no_rows(tmp_path: Path) -> None:
    table = read(tmp_path, "path,group\n")
    assert (list(table), len(table)) == (["path", "group"], 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"table\.csv: the column path is missing; expected path, group, with commas"),
        ("path\na.png\n", r"table\.csv: the column group is missing"),
        ("path;group\na.png;1\n", r"table\.csv: the column path is missing; expected path, group, with commas"),
        ("path;group\na.png;1\n", r", with commas; it seems to be separated by semicolons, not commas$"),
        ("path\tgroup\na.png\t1\n", r", with commas; it seems to be separated by tabs, not commas$"),
        ("", r", with commas; the file is empty$"),
        (
            "path\u200b,group\n",
            r"path is missing.*; its column 'path\\u200b' holds a .* nobody sees \(U\+200B\): remove",
        ),
        ("\ufeff\ufeffpath,group\n", r"path is missing.*; its column '\\ufeffpath' holds a .* \(U\+FEFF\): remove"),
        ("path,group,note\u00ad\n", r"table\.csv: the column 'note\\xad' holds a .* nobody sees \(U\+00AD\): remove"),
        ("р\u0430th,group\n", r"; its column '\\u0440\\u0430th' has letters of another alphabet$"),
        ("path,group,group\na.png,1,2\n", r"table\.csv: the column group stands there twice"),
        ("path,group\na.png,Smith, John\n", r"table\.csv, row 2: there are more values than columns"),
        ("path,group\na.png,1\n\nb.png,Smith, John\n", r"table\.csv, row 4: there are more values than columns"),
        ('path,group\na.png,"1\nb.png,2\n', r"table\.csv is not a CSV in UTF-8 with commas"),
        ("path,group\né.png,1\n".encode("latin-1"), r"table\.csv is not a CSV in UTF-8 with commas"),
        ("path,group\na.png,1\n".encode("utf-16"), r"table\.csv is not a CSV in UTF-8 with commas"),
    ],
)
def test_what_is_no_such_table_is_said_in_one_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(PipelineError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_named_even_if_the_inventory_lists_it(tmp_path: Path) -> None:
    read(tmp_path, "path,group\n")
    inventory = listed(tmp_path)
    (tmp_path / "table.csv").unlink()
    with pytest.raises(
        PipelineError, match=rf"^{KEY} names table\.csv, but .*table\.csv is missing: add it .* run `make check-data`"
    ):
        read_described(tmp_path, inventory, "table.csv", COLUMNS, KEY)


def test_a_table_that_is_there_but_not_listed_is_not_called_missing(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    inventory = listed(tmp_path)
    (tmp_path / "table.csv").write_text("path,group\n")
    with pytest.raises(PipelineError, match=r"table\.csv is not in the inventory"):
        read_described(tmp_path, inventory, "table.csv", COLUMNS, KEY)


def test_a_table_that_changed_since_it_was_listed_is_refused(tmp_path: Path) -> None:
    read(tmp_path, "path,group\na.png,1\n")
    inventory = listed(tmp_path)
    (tmp_path / "table.csv").write_text("path,group\na.png,2\n")
    with pytest.raises(PipelineError, match=r"table\.csv has another content than when it was listed"):
        read_described(tmp_path, inventory, "table.csv", COLUMNS, KEY)


def test_a_table_outside_the_collection_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="leaves the collection's folder"):
        read_described(tmp_path, pd.DataFrame(), "../table.csv", COLUMNS, KEY)


@pytest.mark.parametrize("value", ["=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)"])
def test_a_value_that_a_spreadsheet_would_compute_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(PipelineError, match=r"table\.csv, row 3, column group: .* would be a formula"):
        read(tmp_path, f"path,group\na.png,p1\nb.png,{value}\n")


@pytest.mark.parametrize("value", ["-", "+", "-5", "+1.5", "p-1", "a=b", "x@y"])
def test_signs_that_compute_nothing_are_kept(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, f"path,group\na.png,{value}\n")["group"].tolist() == [value]
