"""The metadata CSV of NIH ChestX-ray14."""

from pathlib import Path
from typing import Any

from pipeline.data.xrays.nih_metadata import read_index
from tests.data.conftest import HEADER, metadata_row
from tests.hostile.oracle import Gives, Line, judge, lines

FILE = Path("Data_Entry_2017_v2020.csv")
ROW = metadata_row("00000001_000.png", "Mass|Nodule", "PA")
NAME = r"Data_Entry_2017_v2020\.csv"


def with_cell(number: int, value: str) -> list[str]:
    """A table of one row with another value in a column."""
    cells = ROW.split(",")
    cells[number] = value
    return [HEADER, ",".join(cells)]


def content_of(made: Any) -> bytes:
    return made if isinstance(made, bytes) else ("\n".join(made) + "\n").encode()


@lines(
    Line("empty", b"", rf"{NAME}.*(empty|download)"),
    Line("one_byte", b"\0", rf"{NAME}"),
    Line("binary", bytes(range(256)), rf"{NAME}.*download"),
    Line("utf_16", (HEADER + "\n" + ROW).encode("utf-16"), rf"{NAME}.*download"),
    Line("latin_1", (HEADER + "\n" + ROW.replace(",F,", ",é,")).encode("latin-1"), rf"{NAME}.*download"),
    Line("nul_in_a_cell", with_cell(1, "Ma\0ss"), rf"{NAME}"),
    Line("cell_of_200_kB", with_cell(1, "M" * 200_000), rf"{NAME}"),
    Line("open_quote", with_cell(1, '"Mass'), rf"{NAME}.*download"),
    Line("blank_lines_only", b"\n\n\n", rf"{NAME}"),
    Line("semicolons", [HEADER.replace(",", ";"), ROW.replace(",", ";")], rf"{NAME}.*Image Index"),
    Line("html_page", b"<!DOCTYPE html><html>404</html>", rf"{NAME}.*Image Index"),
    Line("columns_swapped", [",".join(reversed(HEADER.split(","))), ROW], rf"{NAME}.*column 1"),
    Line("no_columns", [",,,,,,,,,,", ROW], rf"{NAME}.*column 1"),
    Line("row_too_short", [HEADER, "00000001_000.png,Mass"], rf"{NAME}.*row 2"),
    Line("row_too_long", [HEADER, ROW + ",1,2"], rf"{NAME}.*row 2"),
    Line("image_twice", [HEADER, ROW, ROW], rf"{NAME}.*row 3.*'00000001_000\.png'"),
    Line("image_that_climbs", with_cell(0, "../../etc/passwd.png"), rf"{NAME}.*row 2.*etc/passwd"),
    Line("image_absolute", with_cell(0, "/etc/passwd.png"), rf"{NAME}.*row 2.*etc/passwd"),
    Line("image_without_name", with_cell(0, ""), rf"{NAME}.*row 2"),
    Line("image_as_option", with_cell(0, "-rf.png"), rf"{NAME}.*row 2.*'-rf\.png'"),
    Line("image_with_line_end", with_cell(0, '"a\n.png"'), rf"{NAME}.*row 2"),
    Line("image_of_other_type", with_cell(0, "00000001_000.exe"), rf"{NAME}.*row 2.*exe"),
    Line("finding_as_formula", with_cell(1, "=1+1"), rf"{NAME}.*row 2.*'=1\+1'"),
    Line("finding_as_markup", with_cell(1, "<script>alert(1)</script>"), rf"{NAME}.*row 2.*script"),
    Line("finding_with_bar_at_the_end", with_cell(1, "Mass|"), rf"{NAME}.*row 2.*Finding"),
    Line("finding_and_none", with_cell(1, "Mass|No Finding"), rf"{NAME}.*row 2.*No Finding"),
    Line("finding_in_small_letters", with_cell(1, "mass"), rf"{NAME}.*row 2.*'mass'"),
    Line("follow_up_below_zero", with_cell(2, "-1"), rf"{NAME}.*row 2.*'-1'"),
    Line("patient_of_20_digits", with_cell(3, "9" * 20), rf"{NAME}.*row 2.*Patient ID"),
    Line("patient_as_float", with_cell(3, "1.0"), rf"{NAME}.*row 2.*'1\.0'"),
    Line("patient_empty", with_cell(3, ""), rf"{NAME}.*row 2.*Patient ID"),
    Line("age_below_zero", with_cell(4, "-5"), rf"{NAME}.*row 2.*'-5'"),
    Line("age_with_other_unit", with_cell(4, "9x"), rf"{NAME}.*row 2.*'9x'"),
    Line("age_empty", with_cell(4, ""), rf"{NAME}.*row 2.*Patient Age"),
    Line("age_of_30_digits", with_cell(4, "9" * 30), rf"{NAME}.*row 2.*Patient Age"),
    Line("view_in_small_letters", with_cell(6, "pa"), rf"{NAME}.*row 2.*'pa'"),
    Line("view_empty", with_cell(6, ""), rf"{NAME}.*row 2.*View"),
    Line("age_in_months", with_cell(4, "006M"), Gives(1)),
    Line("spaces_around_values", with_cell(6, " PA "), Gives(1)),
    Line("byte_order_mark", b"\xef\xbb\xbf" + content_of([HEADER, ROW]), Gives(1)),
    Line("mac_line_ends", "\r".join([HEADER, ROW]).encode(), Gives(1)),
)
def test_metadata(line: Line) -> None:
    FILE.write_bytes(content_of(line.made))
    judge(lambda: len(read_index(FILE)), line.says)
