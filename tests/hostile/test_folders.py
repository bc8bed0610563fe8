"""Folders, links and odd names among the files of a collection."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.inputs import NIH, listed_paths, put
from tests.hostile.oracle import Gives, Line, judge, lines
from tests.import_closure import ROOT

ONE = ["images/a.png"]


def bytes_path(name: bytes) -> bytes:
    return os.fsencode(NIH) + b"/" + name


def touch_bytes(name: bytes) -> None:
    Path(os.fsdecode(bytes_path(name))).touch()


def listen() -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(NIH / "socket"))


def chain_of_links() -> None:
    put(Path("elsewhere/b.png"), b"")
    for i in range(5):
        (NIH / f"link_{i}").symlink_to(f"link_{i + 1}" if i < 4 else Path("elsewhere").absolute())


def deep() -> None:
    path = NIH
    for _ in range(60):
        path = path / ("d" * 10)
    put(path / "b.png", b"")


DEEP = f"{'d' * 10}/" * 60 + "b.png"


@lines(
    Line("plain", lambda: None, Gives(ONE)),
    Line("hidden_file", (NIH / ".DS_Store").touch, Gives(ONE)),
    Line("empty_folder", (NIH / "nothing").mkdir, Gives(ONE)),
    Line("deep_folder", deep, Gives(sorted([DEEP, *ONE]))),
    Line("link_upwards", lambda: (NIH / "images/up").symlink_to(".."), Gives(ONE)),
    Line("link_to_the_root", lambda: (NIH / "all").symlink_to(NIH.absolute()), Gives(ONE)),
    Line("link_to_itself", lambda: (NIH / "loop").symlink_to("loop"), Gives(ONE, warns="loop")),
    Line("links_to_each_other", lambda: ((NIH / "x").symlink_to("y"), (NIH / "y").symlink_to("x")), Gives(ONE)),
    Line("link_to_nowhere", lambda: (NIH / "b.png").symlink_to("gone"), Gives(ONE, warns=r"b\.png")),
    Line("chain_of_links", chain_of_links, Gives([*ONE, "link_0/b.png"])),
    Line("socket", listen, Gives(ONE, warns="socket")),
    Line("name_not_utf_8", lambda: touch_bytes(b"\xff.png"), Gives(ONE, warns=r"xff|udcff")),
    Line("folder_not_utf_8", lambda: Path(os.fsdecode(bytes_path(b"\xff"))).mkdir(), Gives(ONE)),
    Line("name_with_line_end", lambda: touch_bytes(b"b\n.png"), Gives(ONE, warns=r"b\\n\.png")),
    Line("name_with_escape", lambda: touch_bytes(b"\x1b[31m.png"), Gives(ONE, warns=r"x1b")),
    Line("name_with_quote", lambda: touch_bytes(b'b".png'), Gives(['b".png', *ONE])),
    Line("name_with_comma", lambda: touch_bytes(b"b,c.png"), Gives(["b,c.png", *ONE])),
    Line("name_like_nothing", lambda: touch_bytes(b"NA"), Gives(["NA", *ONE])),
    Line("name_like_a_number", lambda: touch_bytes(b"007"), Gives(["007", *ONE])),
    Line("name_as_formula", lambda: touch_bytes(b"=1+1"), Gives(["=1+1", *ONE])),
    Line("name_as_markup", lambda: touch_bytes(b"[red]b[bold]"), Gives(["[red]b[bold]", *ONE])),
    Line("name_of_spaces", lambda: touch_bytes(b"   "), Gives(["   ", *ONE])),
)  # fmt: skip
def test_what_lies_in_a_collection(line: Line) -> None:
    put(NIH / ONE[0], b"")
    line.made()
    judge(listed_paths, line.says)


LIST = "from tests.hostile.inputs import listed_paths; print(listed_paths())"


@lines(
    Line("pipe", lambda: os.mkfifo(NIH / "pipe.png"), r"pipe\.png"),
    Line("device", lambda: (NIH / "zero.png").symlink_to("/dev/zero"), r"zero\.png"),
)
def test_what_could_be_read_for_ever(line: Line) -> None:
    """In a process of its own, which can be stopped."""
    put(NIH / ONE[0], b"")
    line.made()
    command, environment = [sys.executable, "-c", LIST], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=15, check=False)
    assert (done.returncode, done.stdout) == (0, f"{ONE}\n"), done.stderr
    assert re.search(str(line.says), done.stderr)


@lines(
    Line("missing", lambda: None, r"data/raw/nih"),
    Line("empty", lambda: NIH.mkdir(parents=True), r"data/raw/nih.*README"),
    Line("hidden_files_only", lambda: (NIH.mkdir(parents=True), (NIH / ".x").touch()), r"data/raw/nih"),
    Line("file_for_folder", lambda: (NIH.parent.mkdir(parents=True), NIH.touch()), r"data/raw/nih"),
    Line("link_to_itself", lambda: (NIH.parent.mkdir(parents=True), NIH.symlink_to("nih")), r"data/raw/nih"),
    Line("link_to_nowhere", lambda: (NIH.parent.mkdir(parents=True), NIH.symlink_to("gone")), r"data/raw/nih"),
)
def test_no_collection(line: Line) -> None:
    line.made()
    judge(listed_paths, line.says)


def test_the_same_files_through_two_links_are_listed_once() -> None:
    put(Path("disk/b.png"), b"")
    NIH.mkdir(parents=True)
    for name in ("one", "two"):
        (NIH / name).symlink_to(Path("disk").absolute())
    judge(listed_paths, Gives(["one/b.png"]))


@pytest.mark.parametrize("count", [1000])
def test_many_warnings_are_not_many_lines(count: int) -> None:
    put(NIH / ONE[0], b"")
    for number in range(count):
        (NIH / f"{number}.png").symlink_to("gone")
    judge(listed_paths, Gives(ONE, warns=r"^(.*\n){1,50}\Z"))
