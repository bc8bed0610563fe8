import io
import tarfile
from pathlib import Path

import pytest

from pipeline.data import archives
from pipeline.data.archives import list_members, read_members, split_source
from pipeline.data.inventory import make_inventory
from pipeline.errors import PipelineError


def write(path: Path, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.type, member.linkname = (
                len(content) if kind == tarfile.REGTYPE else 0,
                kind,
                "/etc/passwd",
            )
            tar.addfile(member, io.BytesIO(content))
    return path


def test_members_come_in_their_order_with_their_content(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tar.gz", {"images/b.png": b"bb", "./images/a.png": b"a"})
    assert list(read_members(archive)) == [("images/b.png", b"bb"), ("images/a.png", b"a")]


def test_an_archive_is_listed_like_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "nih"
    root.mkdir()
    archive = write(root / "images_001.tar.gz", {"images/b.png": b"bb", "images/a.png": b"a"})
    table = make_inventory(root, tmp_path / "nih.csv", tmp_path / "scratch.json")
    assert table["path"].tolist() == [
        "images_001.tar.gz",
        "images_001.tar.gz/images/a.png",
        "images_001.tar.gz/images/b.png",
    ]
    assert table["bytes"].tolist() == [archive.stat().st_size, 1, 2]
    assert table["md5"].tolist()[1] == "0cc175b9c0f1b6a831c399e269772661"
    assert make_inventory(root, tmp_path / "nih.csv", tmp_path / "scratch.json").equals(table)


def test_the_checksum_of_an_archive_is_that_of_the_whole_file(tmp_path: Path) -> None:
    import hashlib

    archive = write(tmp_path / "a.tar.gz", {"a.png": b"a" * 100_000})
    archive.write_bytes(archive.read_bytes() + b"\0" * 5_000_000)
    assert list_members(archive)[0] == hashlib.md5(archive.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("name", ["../escaped.png", "/etc/escaped.png", "images/../../escaped.png"])
def test_a_member_that_escapes_is_refused(tmp_path: Path, name: str) -> None:
    archive = write(tmp_path / "a.tar.gz", {name: b"x"})
    with pytest.raises(PipelineError, match=r"a\.tar\.gz: the member .*escaped\.png' leads out of it"):
        list(read_members(archive))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_passed_over(tmp_path: Path, kind: bytes) -> None:
    assert list(read_members(write(tmp_path / "a.tar.gz", {"a.png": b""}, kind))) == []


def test_a_member_of_impossible_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 10)
    with pytest.raises(PipelineError, match=r"the member 'a\.png' claims 11 bytes"):
        list(read_members(write(tmp_path / "a.tar.gz", {"a.png": b"x" * 11})))


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b\x08"])
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(PipelineError, match=r"a\.tar\.gz is not a whole tar\.gz archive"):
        list(read_members(tmp_path / "a.tar.gz"))


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    archive = write(tmp_path / "a.tar.gz", {f"{i}.png": bytes(range(256)) * 50 for i in range(20)})
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(PipelineError, match="is not a whole"):
        list(read_members(archive))


def test_a_path_is_split_at_its_archive() -> None:
    assert split_source("images/a.png") == ("", "images/a.png")
    assert split_source("x/images_001.tar.gz/images/a.png") == ("x/images_001.tar.gz", "images/a.png")
    assert split_source("images_001.tar.gz") == ("", "images_001.tar.gz")
