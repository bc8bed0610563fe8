from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from tests.data.folders.conftest import listed, splits, write_images

HEADER = "path,split,label,findings,group"
ROWS = (
    "a.png,train,0,,p1",
    "b.png,val,normal,,p2",
    "c.png,test,0,,p3",
    "d.png,test,1,burn|cut,p4",
    "e.png,test,abnormal,,p5",
)


def write(root: Path, *rows: str, header: str = HEADER, name: str = "images.csv") -> None:
    write_images(root, *(f"{letter}.png" for letter in "abcde"))
    (root / name).write_text("\n".join((header, *rows)) + "\n")


def test_every_row_says_what_an_image_is(root: Path) -> None:
    write(root, *ROWS)
    table = listed(root, layout="table")
    assert splits(table) == {
        "a.png": ("train", 0, ""),
        "b.png": ("val", 0, ""),
        "c.png": ("test", 0, ""),
        "d.png": ("test", 1, "burn|cut"),
        "e.png": ("test", 1, "abnormal"),
    }
    assert table["group"].tolist() == ["p1", "p2", "p3", "p4", "p5"]


def test_findings_and_group_may_be_left_out_and_the_file_have_another_name(root: Path) -> None:
    write(root, "a.png,train,0", "c.png,test,0", "d.png,test,1", header="path,split,label", name="mine.csv")
    table = listed(root, layout="table", file="mine.csv", validation_share=0.0)
    assert table["group"].tolist() == [*table.index]
    assert table.loc["d.png", "findings"] == "abnormal"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a.png,train,0,,", r"row 7, column 'path': 'a\.png' is empty or stands there twice"),
        ("x.png,train,0,,", r"row 7, column 'path': 'x\.png' is no picture in"),
        ("images.csv,train,0,,", r"row 7, column 'path': 'images\.csv' is no picture in"),
        ("../a.png,train,0,,", r"row 7: '\.\./a\.png' leaves the collection's folder"),
        ("a.png,training,0,,", r"row 7, column 'split': 'training' is not train, val or test"),
        ("a.png,train,2,,", r"row 7, column 'label': '2' is not 0 or normal, 1 or abnormal"),
        ("f.png,train,0,burn,", r"row 7, column 'findings': 'burn' is a finding of a normal image"),
        ("f.png,train,0,,=1+1", r"row 7, column group: '=1\+1' would be a formula"),
    ],
)
def test_a_wrong_row_is_named(root: Path, row: str, says: str) -> None:
    rows = [other for other in ROWS if other[:5] != row[:5] or "twice" in says]
    write(root, *rows, *([""] * (len(ROWS) - len(rows))), row)
    write_images(root, "f.png")
    with pytest.raises(PipelineError, match=says):
        listed(root, layout="table")
