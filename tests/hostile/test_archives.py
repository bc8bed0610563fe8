"""tar.gz archives of a collection, as they are listed and read."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from pipeline.data.archives import list_members, read_members
from pipeline.data.xrays.files import locate_images
from tests.hostile.inputs import NIH, list_xrays, put
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.hostile.pictures import flipped, png

FILE = NIH / "images_001.tar.gz"
NAME = r"images_001\.tar\.gz"
AGAIN = rf"{NAME}.*download"


def tar(
    *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "/etc/passwd", size: int | None = None
) -> bytes:
    """An archive, not packed; its members may be links or devices, or claim another size than they have."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link if kind != tarfile.REGTYPE else ""
            member.size = len(content) if size is None else size
            archive.addfile(member, io.BytesIO(content.ljust(min(member.size, 1024), b"\0")))
    return file.getvalue()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def header_only(size: int) -> bytes:
    """An archive of one member that claims a size and ends."""
    member = tarfile.TarInfo("images/a.png")
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def extended(kind: bytes, content: bytes) -> bytes:
    """A header that says more of the member behind it."""
    member = tarfile.TarInfo("more")
    member.type, member.size = kind, len(content)
    return member.tobuf(tarfile.GNU_FORMAT) + content.ljust(512, b"\0")


def with_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images/a.png", png())
    return file.getvalue()


def paths() -> list[str]:
    """List the collection as ``make check-data`` does, and look for its images; what lies in the archive."""
    listed = list_xrays()
    locate_images(listed, table=None)
    return [path.removeprefix(f"{FILE.name}/") for path in listed["path"] if path != FILE.name]


ONE = ("images/a.png", png())
GOOD = packed(tar(ONE))


@lines(
    Line("good", GOOD, Gives(["images/a.png"])),
    Line("without_members", packed(tar()), Gives([])),
    Line("two_packed_parts", packed(tar(ONE)[:700]) + packed(tar(ONE)[700:]), Gives(["images/a.png"])),
    Line("archive_inside", packed(tar(("inner.tar.gz", GOOD))), Gives(["inner.tar.gz"])),
    Line("current_folder", packed(tar(("./images/a.png", b"x"))), Gives(["images/a.png"])),
    Line("empty", b"", AGAIN),
    Line("text", b"no archive", AGAIN),
    Line("html_page", b"<!DOCTYPE html><html>404</html>", AGAIN),
    Line("not_packed", tar(ONE), AGAIN),
    Line("zip_inside", with_zip(), AGAIN),
    Line("picture_inside", png(), AGAIN),
    Line("packed_text", packed(b"no archive" * 100), AGAIN),
    Line("packed_nothing", packed(b""), AGAIN),
    Line("signature_only", b"\x1f\x8b\x08", AGAIN),
    Line("cut_at_1_byte", GOOD[:1], AGAIN),
    Line("cut_in_half", GOOD[: len(GOOD) // 2], AGAIN),
    Line("cut_before_the_checksum", GOOD[:-8], AGAIN),
    Line("cut_in_the_checksum", GOOD[:-2], AGAIN),
    Line("wrong_checksum", GOOD[:-8] + struct.pack("<II", 1, len(tar(ONE))), AGAIN),
    Line("wrong_length", GOOD[:-4] + struct.pack("<I", 1), AGAIN),
    Line("rubbish_behind", GOOD + b"rubbish" * 100, Either(AGAIN)),
    Line("zeros_behind", GOOD + bytes(1000), Gives(["images/a.png"])),
    Line("member_that_climbs", packed(tar(("../../escaped.png", b"x"))), rf"{NAME}.*escaped\.png"),
    Line("member_that_climbs_inside", packed(tar(("images/../../escaped.png", b"x"))), rf"{NAME}.*escaped\.png"),
    Line("member_without_name", packed(tar(("", b"x"))), Either(NAME)),
    Line("member_with_line_end", packed(tar(("images/a\n.png", b"x"))), Either(NAME)),
    Line("member_with_escape", packed(tar(("images/\x1b[31ma.png", b"x"))), Either(NAME)),
    Line("member_not_utf_8", packed(tar(("images/\udcff.png", b"x"))), Either(NAME)),
    Line("member_twice", packed(tar(ONE, ("images/a.png", b"other"))), rf"{NAME}.*images/a\.png"),
    Line("link", packed(tar(ONE, kind=tarfile.SYMTYPE)), Gives([])),
    Line("3000_long_names", packed(extended(tarfile.GNUTYPE_LONGNAME, b"a\0") * 3000 + tar(ONE)), AGAIN),
    Line("sparse_size_as_word", packed(extended(tarfile.XHDTYPE, b"22 GNU.sparse.size=abc\n") + tar(ONE)), AGAIN),
    Line("sparse_map_of_words", packed(extended(tarfile.XHDTYPE, b"22 GNU.sparse.map=a,b\n") + tar(ONE)), AGAIN),
    Line("hard_link", packed(tar(ONE, kind=tarfile.LNKTYPE)), Gives([])),
    Line("pipe", packed(tar(ONE, kind=tarfile.FIFOTYPE, size=0)), Gives([])),
    Line("character_device", packed(tar(ONE, kind=tarfile.CHRTYPE, size=0)), Gives([])),
    Line("block_device", packed(tar(ONE, kind=tarfile.BLKTYPE, size=0)), Gives([])),
    Line("claims_8_gigabytes", packed(header_only(8 * 2**30)), rf"{NAME}.*images/a\.png"),
    Line("claims_more_than_it_has", packed(header_only(10_000)), AGAIN),
    Line("claims_less_than_nothing", packed(header_only(-1)), Either(NAME)),
    Line("inflates_to_300_megabytes", lambda: packed(tar(("a.png", bytes(300 * 2**20)))), rf"{NAME}.*a\.png"),
    Line("checksum_of_a_header", packed(flipped(tar(ONE), 150, 1)), AGAIN),
    Line("size_in_letters", packed(tar(ONE)[:124] + b"eleven     \0" + tar(ONE)[136:]), AGAIN),
    *(Line(f"bit_flip_{n}", flipped(GOOD, n, 4), Either(NAME)) for n in range(0, len(GOOD), len(GOOD) // 8)),
)  # fmt: skip
def test_an_archive_among_the_files(line: Line) -> None:
    put(FILE, line.made() if callable(line.made) else line.made)
    judge(paths, line.says)
    assert not list(Path().rglob("escaped.png"))


def test_a_member_of_an_absolute_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    escaped = tmp_path_factory.mktemp("outside") / "escaped.png"
    put(FILE, packed(tar((str(escaped), b"x"))))
    judge(paths, rf"{NAME}.*escaped\.png")
    assert not escaped.exists()


def long_names() -> bytes:
    """A header that claims a name of a gigabyte."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 2**30
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(2048)


@lines(
    Line("name_of_a_gigabyte", packed(long_names()), NAME),
    Line("same_as_listed", GOOD, Gives((1, 1))),
    Line("deflated_without_gzip", zlib.compress(tar(ONE)), AGAIN),
)
def test_reading_is_listing(line: Line) -> None:
    put(FILE, line.made)
    judge(lambda: (len(list(read_members(FILE))), len(list_members(FILE)[1])), line.says)
