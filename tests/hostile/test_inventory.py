"""The inventory of a collection and the scratch beside it."""

import os
from pathlib import Path

import pytest

from pipeline.data.inventory import check_unchanged, read_inventory
from tests.hostile.inputs import INVENTORY, NIH, SCRATCH, list_xrays, listed_paths, put
from tests.hostile.oracle import OUTSIDE, Gives, Line, judge, lines

GOOD = ["images/a.png", "images/b.png"]


@pytest.fixture(autouse=True)
def collection(folder: Path) -> None:
    for name in GOOD:
        put(NIH / name, name)
    list_xrays()


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
    before = INVENTORY.read_bytes()
    warns = "" if name in ("nothing", "list") else r"nih\.json"
    judge(listed_paths, Gives(GOOD, warns=warns))
    assert INVENTORY.read_bytes() == before


DAMAGED = {
    "empty": b"",
    "binary": bytes(range(256)),
    "zeros": bytes(1000),
    "utf_16": "path,bytes,md5\na,1,0\n".encode("utf-16"),
    "other_columns": b"a,b\n1,2\n",
    "row_too_long": b"path,bytes,md5\na,1,0,1,2\n",
    "row_too_short": b"path,bytes,md5\na\n",
    "word_for_a_size": b"path,bytes,md5\na,many,0\n",
    "size_infinite": b"path,bytes,md5\na,inf,0\n",
    "open_quote": b'path,bytes,md5\n"a,1,0\n',
    "missing": None,
}


@pytest.mark.parametrize(
    "content", [*DAMAGED.values(), b"path,bytes,md5\nother.png,1,0\n"], ids=[*DAMAGED, "other_files"]
)
def test_an_inventory_is_made_anew(content: bytes | None) -> None:
    put(INVENTORY, content)
    judge(listed_paths, Gives(GOOD))


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_stage_that_reads_an_inventory(content: bytes | None) -> None:
    put(INVENTORY, content)
    judge(lambda: read_inventory(INVENTORY), r"nih_pa\.csv.*make check-data")


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
    line.made(NIH / GOOD[0])
    judge(lambda: check_unchanged(NIH, read_inventory(INVENTORY), GOOD), line.says)


@lines(
    Line("climbs", "../../params.yaml", rf"'\.\./\.\./params\.yaml' {OUTSIDE}"),
    Line("climbs_inside", "images/../../x", rf"'images/\.\./\.\./x' {OUTSIDE}"),
    Line("absolute", "/etc/passwd", rf"'/etc/passwd' {OUTSIDE}"),
    Line("unlisted", "unlisted.png", r"unlisted\.png is not in the inventory"),
)
def test_a_path_that_is_not_listed(line: Line) -> None:
    judge(lambda: check_unchanged(NIH, read_inventory(INVENTORY), [line.made]), line.says)
