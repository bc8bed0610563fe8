"""The CSV of a collection of X-rays, as the stage that splits them reads it."""

import io
import tarfile
from pathlib import Path

import pytest

from stages import split_xrays
from tests.hostile.inputs import NIH, list_and_split_xrays, list_xrays, put, write_with_table
from tests.hostile.oracle import OUTSIDE, Gives, Line, judge, lines
from tests.hostile.pictures import flipped, png, saved

TABLE = NIH / "xrays.csv"
HEADER = "path,patient,view,findings,split,age,sex"
ROWS = ("a.png,p1,PA,,train,58,F", "b.png,p2,PA,,test,58,M", "c.png,p3,PA,Mass,test,58,F")
CSV = r"xrays\.csv"


def with_cell(number: int, value: str) -> str:
    """The table with another value in a column of its first row, which is row 2 of the file."""
    cells = ROWS[0].split(",")
    cells[number] = value
    return "\n".join([HEADER, ",".join(cells), *ROWS[1:]])


@pytest.fixture(autouse=True)
def collection(folder: Path) -> None:
    write_with_table()
    for number, name in enumerate("abc"):
        put(NIH / f"{name}.png", png() + bytes([number]))


@lines(
    Line("good", "\n".join([HEADER, *ROWS]), Gives()),
    Line("windows", "\r\n".join([HEADER, *ROWS]).encode("utf-8-sig"), Gives()),
    Line("empty", b"", rf"{CSV}.*column path"),
    Line("binary", bytes(range(256)), CSV),
    Line("spreadsheet", b"PK\x03\x04" + bytes(500), CSV),
    Line("utf_16", "\n".join([HEADER, *ROWS]).encode("utf-16"), rf"{CSV}.*UTF-8"),
    Line("nul", "\n".join([HEADER, "a\0.png,p1,PA,,train"]), CSV),
    Line("header_only", HEADER, r"(xrays\.csv|nih)"),
    Line("semicolons", "\n".join([HEADER, *ROWS]).replace(",", ";"), rf"{CSV}.*commas"),
    Line("column_twice", "\n".join([HEADER + ",sex", *ROWS]), rf"{CSV}.*sex"),
    Line("comma_in_a_value", with_cell(6, "F,or M"), rf"{CSV}, row 2"),
    Line("open_quote", with_cell(3, '"Mass'), CSV),
    Line("path_that_climbs", with_cell(0, "../../a.png"), rf"row 2.*'\.\./\.\./a\.png' {OUTSIDE}"),
    Line("path_absolute", with_cell(0, "/etc/passwd.png"), rf"row 2.*'/etc/passwd\.png' {OUTSIDE}"),
    Line("path_with_escape", with_cell(0, "\x1b[31ma.png"), r"row 2|x1b"),
    Line("path_empty", with_cell(0, ""), rf"{CSV}, row 2.*path"),
    Line("path_twice", "\n".join([HEADER, *ROWS, ROWS[0]]), rf"{CSV}, row 5.*'a\.png'"),
    Line("path_of_no_file", with_cell(0, "gone.png"), r"row 2.*gone\.png"),
    Line("path_of_the_table", with_cell(0, "xrays.csv"), r"row 2.*xrays\.csv"),
    Line("path_in_other_letters", with_cell(0, "A.PNG"), r"row 2.*A\.PNG"),
    Line("path_as_formula", with_cell(0, "=a.png"), r"row 2.*=a\.png"),
    Line("patient_empty", with_cell(1, ""), rf"{CSV}, row 2.*patient"),
    Line("patient_as_formula", with_cell(1, "=HYPERLINK(1)"), rf"{CSV}, row 2.*=HYPERLINK"),
    Line("patient_as_call", with_cell(1, "@SUM(1)"), rf"{CSV}, row 2.*@SUM"),
    Line("patient_on_two_sides", "\n".join([HEADER, *ROWS]).replace("p2", "p1"), r"p1|nih"),
    Line("patient_in_two_spellings", "\n".join([HEADER, *ROWS]).replace("p1", "Jos\u00e9").replace("p2", "Jose\u0301"),
         "patient José"),
    Line("patient_with_unseen_character", with_cell(1, "p1\u200b"), rf"{CSV}, row 2.*U\+200B"),
    Line("patient_with_lone_return", with_cell(1, '"p\r1"'), rf"{CSV}, row 2.*U\+000D"),
    Line("patient_written_backwards", with_cell(1, "p\u202e1"), rf"{CSV}, row 2.*U\+202E"),
    Line("patient_with_nul", with_cell(1, "p\0"), rf"{CSV}, row 2.*U\+0000"),
    Line("view_unknown", with_cell(2, "LL"), rf"{CSV}, row 2.*'LL'"),
    Line("finding_as_formula", with_cell(3, "+1+1"), rf"{CSV}, row 2.*\+1\+1"),
    Line("finding_as_command", with_cell(3, "-cmd|calc"), rf"{CSV}, row 2.*-cmd"),
    Line("finding_none_in_small_letters", with_cell(3, "no finding"), rf"{CSV}, row 2.*'no finding'.*No Finding"),
    Line("finding_and_none", with_cell(3, "No Finding|Mass"), rf"{CSV}, row 2.*No Finding"),
    Line("finding_of_a_bar", with_cell(3, "|"), rf"{CSV}, row 2.*'\|'"),
    Line("split_unknown", with_cell(4, "training"), rf"{CSV}, row 2.*'training'"),
    Line("split_empty", with_cell(4, ""), rf"{CSV}, row 2.*split"),
    Line("age_with_a_letter", with_cell(5, "9x"), rf"{CSV}, row 2.*'9x'"),
    Line("age_below_zero", with_cell(5, "-5"), rf"{CSV}, row 2.*-5"),
    Line("age_infinite", with_cell(5, "inf"), rf"{CSV}, row 2.*inf"),
    Line("age_no_number", with_cell(5, "nan"), rf"{CSV}, row 2.*nan"),
    Line("age_too_large", with_cell(5, "1e400"), rf"{CSV}, row 2.*1e400"),
    Line("age_unknown", with_cell(5, ""), Gives()),
    Line("sex_as_formula", with_cell(6, "=1+1"), rf"{CSV}, row 2.*=1\+1"),
    Line("abnormal_to_train_on", with_cell(3, "Mass"), r"train|nih"),
    Line("nothing_abnormal", "\n".join([HEADER, *ROWS]).replace("Mass", ""), r"abnormal.*test"),
)  # fmt: skip
def test_a_table(line: Line) -> None:
    put(TABLE, line.made)
    judge(list_and_split_xrays, line.says)


def test_a_table_that_changed_since_it_was_listed() -> None:
    put(TABLE, "\n".join([HEADER, *ROWS]))
    list_xrays()
    put(TABLE, flipped(TABLE.read_bytes(), -3, 1))
    judge(lambda: split_xrays.main("nih_pa"), r"xrays\.csv.*make check-data")


def test_a_table_that_is_a_folder() -> None:
    TABLE.mkdir()
    judge(list_and_split_xrays, r"xrays\.csv")


def test_an_archive_with_a_member_twice() -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for pixels in (png(), saved("PNG", "RGB")):
            member = tarfile.TarInfo("a.png")
            member.size = len(pixels)
            archive.addfile(member, io.BytesIO(pixels))
    put(NIH / "more.tar.gz", content.getvalue())
    put(TABLE, with_cell(0, "more.tar.gz/a.png"))
    judge(list_and_split_xrays, r"more\.tar\.gz.*a\.png")
