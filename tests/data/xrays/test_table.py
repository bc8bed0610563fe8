from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.inventory import make_inventory
from pipeline.data.xrays.table import read_table
from pipeline.errors import PipelineError

KEY = "arms/my_xrays.yaml:split_xrays.table"
HEADER = "path,patient,view,findings,split"
ROWS = ["a/1.png,p1,PA,,train", "a/2.png,p2,PA,Mass|Cyst,test", "b/3.jpg,p3,AP,No Finding,val"]


def read(folder: Path, *lines: str, encoding: str = "utf-8", end: str = "\n"):
    for name in ("a/1.png", "a/2.png", "b/3.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    (folder / "xrays.csv").write_bytes(end.join(lines).encode(encoding))
    inventory = make_inventory(folder, folder.parent / "inventory.csv", folder.parent / "scratch.json")
    return read_table(folder, inventory, "xrays.csv", KEY)


def test_a_table_describes_any_collection(tmp_path: Path) -> None:
    index, lists = read(tmp_path, HEADER, *ROWS)
    assert index[["id", "patient", "findings", "label", "view"]].to_numpy().tolist() == [
        ["a/1.png", "p1", "", 0, "PA"],
        ["a/2.png", "p2", "Mass|Cyst", 1, "PA"],
        ["b/3.jpg", "p3", "", 0, "AP"],
    ]
    assert lists == {"train_val": ["a/1.png"], "val": ["b/3.jpg"], "test": ["a/2.png"]}


def test_age_and_sex_are_taken_where_they_are_given(tmp_path: Path) -> None:
    index, _ = read(
        tmp_path, HEADER + ",sex,age", *(f"{row},F,{age}" for row, age in zip(ROWS, ("58", "", "6M"), strict=True))
    )
    assert index["sex"].tolist() == ["F"] * 3
    assert index["age"].fillna(-1).tolist() == [58, -1, 0.5]


def test_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    plain, lists = read(tmp_path, HEADER, *ROWS)
    windows, same = read(tmp_path, HEADER, *ROWS, encoding="utf-8-sig", end="\r\n")
    assert windows.equals(plain)
    assert same == lists


def test_blank_lines_change_nothing(tmp_path: Path) -> None:
    plain, lists = read(tmp_path, HEADER, *ROWS)
    spaced, same = read(tmp_path, HEADER, "", *ROWS[:2], ",,,,", *ROWS[2:], "", "")
    assert spaced.equals(plain)
    assert same == lists


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER.replace("view", "position"), ROWS[0]], "the column view is missing; expected path, patient"),
        ([HEADER, ROWS[0], ROWS[0]], r"row 3, column 'path': 'a/1\.png' is empty or stands there twice"),
        ([HEADER, ROWS[0].replace("PA", "LL")], "row 2, column 'view': 'LL' is neither PA nor AP"),
        ([HEADER, ROWS[0].replace("train", "training")], "row 2, column 'split': 'training' is not train, val or test"),
        ([HEADER, ROWS[0].replace("p1", "")], "row 2, column 'patient': '' must name the patient"),
        ([HEADER, ROWS[1].replace("Cyst", "=Cyst()")], r"row 2, column findings: '=Cyst\(\)' would be a formula"),
        ([HEADER, "", ROWS[0], ",,,,", ROWS[0]], "row 5, column 'path': .* stands there twice"),
        ([HEADER, "../1.png,p1,PA,,train"], r"xrays\.csv, row 2: '\.\./1\.png' leaves the collection's folder"),
        ([HEADER, ROWS[0], "/etc/1.png,p1,PA,,train"], r"xrays\.csv, row 3: '/etc/1\.png' leaves the collection's"),
        (
            [HEADER, ROWS[0], "a/9.png,p1,PA,,train"],
            r"xrays\.csv, row 3, column 'path': 'a/9\.png' is no PNG, JPEG or DICOM in",
        ),
        ([HEADER + ",age", ROWS[0] + ",9x"], r"xrays\.csv, row 2, column 'age': '9x' is not an age such as 58"),
        (
            [HEADER + ",age", ROWS[0] + ",?"],
            r"xrays\.csv, row 2, column 'age': '\?' is not an age .*; empty if unknown",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_row(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        read(tmp_path, *lines)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=rf"^{KEY} names xrays\.csv, but .*xrays\.csv is missing: add"):
        read_table(tmp_path, pd.DataFrame(), "xrays.csv", KEY)
