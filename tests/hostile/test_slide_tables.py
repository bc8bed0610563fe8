"""The CSV of a collection of slides."""

from tests.hostile.inputs import SLIDES, WITH_TABLE, list_and_read_slides, put
from tests.hostile.oracle import OUTSIDE, Gives, Line, judge, lines

HEADER = "path,role,annotation,group"
ROWS = ("a.tif,train,,p1", "b.tif,test_normal,,p2", "c.tif,test_tumour,c.xml,p3")
CSV = r"slides\.csv"


def with_row(row: str) -> str:
    """The table with another first row, which is row 2 of the file."""
    return "\n".join([HEADER, row, *ROWS[1:]])


@lines(
    Line("good", "\n".join([HEADER, *ROWS]), Gives(["a", "b", "c"])),
    Line("windows", "\r\n".join([HEADER, *ROWS]).encode("utf-8-sig"), Gives(["a", "b", "c"])),
    Line("empty", b"", rf"{CSV}.*column path"),
    Line("binary", bytes(range(256)), CSV),
    Line("utf_16", "\n".join([HEADER, *ROWS]).encode("utf-16"), rf"{CSV}.*UTF-8"),
    Line("header_only", HEADER, r"demo_slides.*train"),
    Line("column_missing", "path,role\na.tif,train", rf"{CSV}.*annotation"),
    Line("column_twice", "path,role,annotation,group,role\n", rf"{CSV}.*role"),
    Line("open_quote", with_row('a.tif,"train,,p1'), CSV),
    Line("too_many_values", with_row("a.tif,train,,p1,x"), rf"{CSV}, row 2"),
    Line("role_unknown", with_row("a.tif,training,,p1"), rf"{CSV}, row 2.*'training'"),
    Line("role_empty", with_row("a.tif,,,p1"), rf"{CSV}, row 2.*role"),
    Line("path_that_climbs", with_row("../../a.tif,train,,p1"), rf"row 2.*'\.\./\.\./a\.tif' {OUTSIDE}"),
    Line("path_absolute", with_row("/etc/passwd,train,,p1"), rf"row 2.*'/etc/passwd' {OUTSIDE}"),
    Line("path_of_no_file", with_row("gone.tif,train,,p1"), rf"{CSV}, row 2.*'gone\.tif'"),
    Line("path_empty", with_row(",train,,p1"), rf"{CSV}, row 2"),
    Line("path_twice", "\n".join([HEADER, *ROWS, ROWS[0]]), r"\ba\b|a\.tif"),
    Line("same_name_in_two_folders", "\n".join([HEADER, *ROWS, "more/a.tif,train,,p1"]), r"slides.*\ba\b"),
    Line("path_as_formula", with_row("=a.tif,train,,p1"), r"row 2.*=a\.tif"),
    Line("group_as_formula", with_row("a.tif,train,,=1+1"), r"row 2.*=1\+1"),
    Line("group_as_call", with_row("a.tif,train,,@SUM(1)"), r"row 2.*@SUM"),
    Line("annotation_missing", with_row("a.tif,test_tumour,,p1"), rf"{CSV}, row 2.*annotation"),
    Line("annotation_of_no_file", with_row("a.tif,test_tumour,gone.xml,p1"), rf"{CSV}, row 2.*'gone\.xml'"),
    Line("annotation_that_climbs", with_row("a.tif,test_tumour,../a.xml,p1"), rf"row 2.*'\.\./a\.xml' {OUTSIDE}"),
    Line("annotation_of_a_normal_slide", with_row("a.tif,train,c.xml,p1"), rf"{CSV}, row 2.*annotation"),
    Line("group_on_two_sides", "\n".join([HEADER, *ROWS]).replace("p2", "p1"), r"'p1'.*train.*test"),
    Line("nothing_to_train_on", "\n".join([HEADER, *ROWS[1:]]), r"demo_slides.*train"),
    Line("folder_as_slide", with_row("more,train,,p1"), rf"{CSV}, row 2.*'more'"),
)
def test_a_table(line: Line) -> None:
    for name in ("a.tif", "b.tif", "c.tif", "c.xml", "more/a.tif", "=a.tif"):
        put(SLIDES / name, name)
    put(SLIDES / "slides.csv", line.made)
    judge(lambda: [r.name for r in list_and_read_slides(**WITH_TABLE)], line.says)


@lines(
    Line("climbs", "../slides.csv", rf"'\.\./slides\.csv' {OUTSIDE}"),
    Line("absolute", "/etc/passwd", rf"'/etc/passwd' {OUTSIDE}"),
    Line("gone", "gone.csv", r"gone\.csv is missing"),
    Line("without_name", "", r"demo_slides"),
)
def test_a_table_that_cannot_be(line: Line) -> None:
    put(SLIDES / "a.tif", b"")
    judge(lambda: list_and_read_slides(**WITH_TABLE | {"table": line.made}), line.says)
