"""Lists of image names: those of NIH ChestX-ray14 and of its subset."""

from pathlib import Path

import pytest

from pipeline.data.xrays.nih_metadata import read_names
from stages import split_xrays
from tests.data.conftest import TEST, TRAIN_VAL, Collection
from tests.hostile.inputs import list_and_split_xrays, list_xrays
from tests.hostile.oracle import Gives, Line, judge, lines

FILE = Path("test_list.txt")


@lines(
    Line("binary", bytes(range(256)), r"test_list\.txt"),
    Line("utf_16", "a.png\n".encode("utf-16"), r"test_list\.txt"),
    Line("nul", b"a.png\0\n", r"test_list\.txt.*row 1"),
    Line("name_that_climbs", b"a.png\n../b.png\n", r"test_list\.txt.*row 2.*'\.\./b\.png'"),
    Line("name_absolute", b"/etc/passwd\n", r"test_list\.txt.*row 1.*'/etc/passwd'"),
    Line("name_with_escape", b"\x1b[31ma.png\n", r"test_list\.txt.*row 1"),
    Line("name_as_option", b"--help.png\n", r"test_list\.txt.*row 1.*--help"),
    Line("name_twice", b"a.png\n\na.png\n", r"test_list\.txt.*row 3.*row 1"),
    Line("comma_separated", b"a.png,b.png\n", r"test_list\.txt.*row 1"),
    Line("html_page", b"<!DOCTYPE html>\n", r"test_list\.txt.*row 1"),
    Line("spaces_and_windows_line_ends", b" a.png \r\n\r\nb.png\r\n", Gives(["a.png", "b.png"])),
    Line("byte_order_mark", b"\xef\xbb\xbfa.png\n", Gives(["a.png"])),
    Line("empty", b"", Gives([])),
)
def test_a_list(line: Line) -> None:
    FILE.write_bytes(line.made)
    judge(lambda: read_names(FILE), line.says)


@pytest.mark.parametrize("name", ["Data_Entry_2017.csv", "test_list.txt"])
def test_what_was_put_there_after_the_files_were_listed(name: str, nih: Collection) -> None:
    whole = (nih.root / name).read_bytes() if (nih.root / name).exists() else b"corrected"
    (nih.root / name).unlink(missing_ok=True)
    list_xrays()
    (nih.root / name).write_bytes(whole)
    judge(lambda: split_xrays.main("nih_pa"), rf"{name}.*make check-data")


@lines(
    Line("both_lists_empty", {"train_val_list.txt": [], "test_list.txt": []}, r"nih"),
    Line("test_list_empty", {"test_list.txt": []}, r"nih.*test"),
    Line("training_list_empty", {"train_val_list.txt": []}, r"nih.*train"),
    Line("an_image_in_both", {"test_list.txt": [*TEST, TRAIN_VAL[0]]}, rf"{TRAIN_VAL[0]}"),
    Line("an_image_that_nobody_knows", {"test_list.txt": [*TEST, "99999999_000.png"]}, r"99999999_000\.png"),
    Line("only_a_folder", {"test_list.txt/a.txt": ["x"]}, r"test_list\.txt"),
)
def test_lists_that_contradict_the_metadata(line: Line, nih: Collection) -> None:
    for name, content in line.made.items():
        if "/" in name:
            (nih.root / "test_list.txt").unlink()
        nih.write_lines(name, content)
    judge(list_and_split_xrays, line.says)
