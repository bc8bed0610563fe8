"""The inventory of a collection and the scratch beside it."""

import os
from pathlib import Path

import pytest

from pipeline.inventory import check_unchanged, make_inventory, read_inventory
from tests.hostile.oracle import Gives, Line, judge, lines

ROOT_OF_NIH, CSV, SCRATCH = Path("data/raw/nih"), Path("data/raw/inventory/nih.csv"), Path(".cache/inventory/nih.json")
GOOD = ["images/a.png", "images/b.png"]


@pytest.fixture(autouse=True)
def collection(folder: Path) -> None:
    (ROOT_OF_NIH / "images").mkdir(parents=True)
    for name in GOOD:
        (ROOT_OF_NIH / name).write_text(name, encoding="utf-8")
    make_inventory(ROOT_OF_NIH, CSV, SCRATCH)


def listed() -> list[str]:
    """List again as ``make check-data`` does; what a stage reads then."""
    make_inventory(ROOT_OF_NIH, CSV, SCRATCH)
    return read_inventory(CSV)["path"].tolist()


BROKEN = {
    "empty": b"",
    "binary": bytes(range(256)),
    "zeros": bytes(1000),
    "open_bracket": b"{",
    "20_000_levels": b"[" * 20_000,
    "list": b"[]",
    "number": b"3",
    "nothing": b"null",
    "word_for_a_file": b'{"images/a.png": "x"}',
    "short_list_for_a_file": b'{"images/a.png": ["12 0"]}',
    "numbers_for_a_file": b'{"images/a.png": [1, 2, 3]}',
    "no_checksum": b'{"images/a.png": ["12 0", "../../etc", []]}',
    "members_of_no_archive": b'{"images/a.png": ["12 0", "0", [["x"]]]}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_scratch(name: str) -> None:
    SCRATCH.write_bytes(BROKEN[name])
    before = CSV.read_bytes()
    warns = "" if name in ("nothing", "list") else r"nih\.json"
    judge(listed, Gives(GOOD, warns=warns))
    assert CSV.read_bytes() == before


@lines(
    Line("empty", b"", Gives(GOOD)),
    Line("binary", bytes(range(256)), Gives(GOOD)),
    Line("zeros", bytes(1000), Gives(GOOD)),
    Line("other_columns", b"a,b\n1,2\n", Gives(GOOD)),
    Line("row_too_long", b"path,bytes,md5\na,1,0,1,2\n", Gives(GOOD)),
    Line("word_for_a_size", b"path,bytes,md5\na,many,0\n", Gives(GOOD)),
    Line("other_files", b"path,bytes,md5\nother.png,1,0\n", Gives(GOOD)),
)
def test_an_inventory_is_made_anew(line: Line) -> None:
    CSV.write_bytes(line.made)
    judge(listed, line.says)


@lines(
    Line("empty", b"", r"nih\.csv.*make check-data"),
    Line("binary", bytes(range(256)), r"nih\.csv.*make check-data"),
    Line("zeros", bytes(1000), r"nih\.csv.*make check-data"),
    Line("utf_16", "path,bytes,md5\na,1,0\n".encode("utf-16"), r"nih\.csv.*make check-data"),
    Line("other_columns", b"a,b\n1,2\n", r"nih\.csv.*make check-data"),
    Line("row_too_long", b"path,bytes,md5\na,1,0,1,2\n", r"nih\.csv.*make check-data"),
    Line("row_too_short", b"path,bytes,md5\na\n", r"nih\.csv.*make check-data"),
    Line("word_for_a_size", b"path,bytes,md5\na,many,0\n", r"nih\.csv.*make check-data"),
    Line("size_infinite", b"path,bytes,md5\na,inf,0\n", r"nih\.csv.*make check-data"),
    Line("open_quote", b'path,bytes,md5\n"a,1,0\n', r"nih\.csv.*make check-data"),
    Line("missing", None, r"nih\.csv.*make check-data"),
)
def test_a_stage_that_reads_an_inventory(line: Line) -> None:
    CSV.unlink()
    if line.made is not None:
        CSV.write_bytes(line.made)
    judge(lambda: read_inventory(CSV), line.says)


def change(path: Path) -> None:
    status = path.stat()
    path.write_text(path.read_text(encoding="utf-8").upper(), encoding="utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@lines(
    Line("gone", lambda path: path.unlink(), r"a\.png.*make check-data"),
    Line("longer", lambda path: path.write_text("longer than it was"), r"a\.png.*make check-data"),
    Line("other_content_of_equal_size", change, r"a\.png.*make check-data"),
    Line("folder", lambda path: (path.unlink(), path.mkdir()), r"a\.png.*make check-data"),
    Line("link_to_itself", lambda path: (path.unlink(), path.symlink_to("a.png")), r"a\.png.*make check-data"),
)
def test_a_file_that_is_another_than_was_listed(line: Line) -> None:
    line.made(ROOT_OF_NIH / GOOD[0])
    judge(lambda: check_unchanged(ROOT_OF_NIH, read_inventory(CSV), GOOD), line.says)


@pytest.mark.parametrize("name", ["../../params.yaml", "/etc/passwd", "images/../../x", "unlisted.png"])
def test_a_path_that_is_not_listed(name: str) -> None:
    judge(lambda: check_unchanged(ROOT_OF_NIH, read_inventory(CSV), [name]), name)
