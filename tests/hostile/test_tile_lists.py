"""Published lists of tiles."""

from pathlib import Path

from pipeline.data.slides.tile_lists import read_tile_lists
from tests.hostile.inputs import put
from tests.hostile.oracle import OUTSIDE, Either, Gives, Line, judge, lines

KEY = "arms/camelyon16.yaml:sample_tiles.tile_lists"
GOOD = "normal_001_normal_x_768_y_1536_w_768_h_768.jpg"
AT = r"lists/a\.txt, line"


@lines(
    Line("good", GOOD, Gives(1)),
    Line("windows", f"{GOOD}\r\n\r\n".encode("utf-8-sig"), Gives(1)),
    Line("empty", b"", r"tile_lists.*a\.txt"),
    Line("blank_lines", b"\n \n", r"tile_lists.*a\.txt"),
    Line("binary", bytes(range(256)), rf"{AT} 1"),
    Line("utf_16", GOOD.encode("utf-16"), rf"{AT} 1"),
    Line("nul", f"{GOOD}\0", rf"{AT} 1"),
    Line("html_page", "<!DOCTYPE html>", rf"{AT} 1.*DOCTYPE"),
    Line("line_of_100_kB", "x" * 100_000, rf"{AT} 1"),
    Line("second_line", f"{GOOD}\ntile", rf"{AT} 2.*'tile'"),
    Line("tile_twice", f"{GOOD}\n{GOOD}", rf"{AT} 2"),
    Line("tile_twice_with_another_ending", f"{GOOD}\n{GOOD.replace('.jpg', '.png')}", rf"{AT} 2"),
    Line("not_square", GOOD.replace("h_768", "h_512"), rf"{AT} 1"),
    Line("below_zero", GOOD.replace("x_768", "x_-768"), rf"{AT} 1"),
    Line("place_of_20_digits", GOOD.replace("x_768", f"x_{'9' * 20}"), rf"{AT} 1"),
    Line("place_with_decimals", GOOD.replace("x_768", "x_7.5"), rf"{AT} 1"),
    Line("other_kind", GOOD.replace("_normal_x", "_benign_x"), rf"{AT} 1.*benign"),
    Line("without_slide", GOOD.replace("normal_001_", ""), rf"{AT} 1"),
    Line("slide_that_climbs", f"../../{GOOD}", Either(AT)),
    Line("with_escape", f"\x1b[31m{GOOD}", Either(AT)),
    Line("digits_of_another_script", GOOD.replace("768", "٧٦٨"), Either(AT)),
)
def test_a_list(line: Line) -> None:
    put(Path("raw/lists/a.txt"), line.made)
    judge(lambda: len(read_tile_lists(Path("raw"), ("lists/a.txt",), KEY)), line.says)


@lines(
    Line("gone", "gone.txt", rf"{KEY}.*raw/gone\.txt"),
    Line("folder", "lists", rf"{KEY}.*raw/lists"),
    Line("climbs", "../a.txt", rf"'\.\./a\.txt' {OUTSIDE}"),
    Line("absolute", "/etc/passwd", rf"'/etc/passwd' {OUTSIDE}"),
)
def test_a_list_that_is_no_file(line: Line) -> None:
    Path("raw/lists").mkdir(parents=True)
    judge(lambda: read_tile_lists(Path("raw"), (line.made,), KEY), line.says)
