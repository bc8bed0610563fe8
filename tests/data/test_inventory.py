import errno
import os
import socket
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data import inventory
from pipeline.data.inventory import SCRATCH, SMALL, check_unchanged, make_inventory, raw_file, read_inventory
from pipeline.errors import PipelineError
from pipeline.files import md5


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    root = tmp_path / "nih"
    (root / "images").mkdir(parents=True)
    (root / "images" / "b.png").write_bytes(b"bb")
    (root / "images" / "a.png").write_bytes(b"a")
    (root / ".DS_Store").write_bytes(b"junk")
    return root


def inventory_of(root: Path) -> Path:
    csv = root.parent / "nih.csv"
    make_inventory(root, csv, root.parent / "scratch.json")
    return csv


def listed(root: Path) -> list[str]:
    return [str(path) for path in read_inventory(inventory_of(root))["path"]]


def test_it_lists_files_sorted_with_bytes_and_checksum(collection: Path) -> None:
    table = read_inventory(inventory_of(collection))
    assert table.to_dict("list") == {
        "path": ["images/a.png", "images/b.png"],
        "bytes": [1, 2],
        "md5": ["0cc175b9c0f1b6a831c399e269772661", "21ad0bd836b90d08f4cf640b4c298e7c"],
    }


def test_added_changed_and_removed_files_are_noticed(collection: Path) -> None:
    before = inventory_of(collection).read_bytes()
    (collection / "images" / "c.png").write_bytes(b"c")
    added = inventory_of(collection).read_bytes()
    (collection / "images" / "a.png").write_bytes(b"x")
    changed = inventory_of(collection).read_bytes()
    (collection / "images" / "b.png").unlink()
    assert len({before, added, changed, inventory_of(collection).read_bytes()}) == 4


def test_an_unchanged_file_is_not_read_again(collection: Path) -> None:
    csv = inventory_of(collection)
    file = collection / "images" / "a.png"
    status = file.stat()
    file.write_bytes(b"x")  # other content behind the same size and time
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    before = csv.read_bytes()
    assert inventory_of(collection).read_bytes() == before


def test_folders_behind_links_are_listed(collection: Path) -> None:
    elsewhere = collection.parent / "other_disk"
    (collection / "images").rename(elsewhere)
    (collection / "images").symlink_to(elsewhere)
    assert read_inventory(inventory_of(collection))["path"].tolist() == ["images/a.png", "images/b.png"]


def test_a_folder_is_listed_by_its_own_path_even_if_links_lead_to_it(
    collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("alias", "twin"):
        (collection / name).symlink_to(collection / "images")
    assert listed(collection) == ["images/a.png", "images/b.png"]
    assert capsys.readouterr().err.splitlines() == [
        f"warning: passed over '{collection / name}', whose files are listed already, by another path"
        for name in ("alias", "twin")
    ]


def test_links_that_lead_upwards_come_to_an_end(collection: Path, tmp_path: Path) -> None:
    (tmp_path / "disk" / "deep").mkdir(parents=True)
    (tmp_path / "disk" / "deep" / "c.png").write_bytes(b"c")
    (tmp_path / "disk" / "d.png").write_bytes(b"d")
    (collection / "images" / "up").symlink_to(collection)
    (collection / "images" / "up_again").symlink_to(collection / "images")
    (collection / "a_deep").symlink_to(tmp_path / "disk" / "deep")
    (collection / "disk").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "deep" / "back").symlink_to(tmp_path)
    assert listed(collection) == ["a_deep/c.png", "disk/d.png", "images/a.png", "images/b.png"]


@pytest.mark.parametrize("kind", ["fifo", "socket", "device", "dangling", "loop"])
def test_what_is_no_regular_file_is_passed_over_with_a_warning(
    collection: Path, kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = collection / "images" / "c.png"
    if kind == "fifo":
        os.mkfifo(odd)
    elif kind == "socket":
        monkeypatch.chdir(odd.parent)  # a socket's path is short
        socket.socket(socket.AF_UNIX).bind(odd.name)
    else:
        odd.symlink_to({"device": "/dev/zero", "dangling": "gone.png", "loop": odd.name}[kind])
    assert listed(collection) == ["images/a.png", "images/b.png"]
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning == f"warning: passed over '{odd}', which is no file, or a link to none"


@pytest.mark.parametrize("name", [b"c\xff.png", b"c\n.png", b"\x1b[31m.png"])
def test_a_name_that_no_list_can_hold_is_passed_over_with_a_warning(
    collection: Path, name: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(os.fsdecode(os.fsencode(collection) + b"/" + name)).write_bytes(b"c")
    folder = Path(os.fsdecode(os.fsencode(collection) + b"/folder of " + name))
    folder.mkdir()
    (folder / "d.png").write_bytes(b"d")
    assert listed(collection) == ["images/a.png", "images/b.png"]
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 2
    for warning in warnings:
        assert warning.isascii()
        assert warning.isprintable()
        assert warning.endswith("whose name no list can hold")


def test_an_archive_with_a_name_that_no_list_can_hold_is_named(collection: Path) -> None:
    with tarfile.open(collection / "more.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("c\udcff.png"))
    with pytest.raises(PipelineError, match=r"more\.tar\.gz holds 'c\\udcff\.png', a name that no list can hold"):
        inventory_of(collection)


def test_of_many_warnings_some_are_shown(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1000):
        (collection / f"{number}.png").symlink_to("gone")
    inventory_of(collection)
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 21
    assert warnings[-1] == "warning: passed over 980 more"


def test_a_file_that_cannot_be_read_is_a_sentence_and_what_was_read_is_kept(
    collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> str:
        if path.name == "b.png":
            raise OSError(errno.EIO, "Input/output error", str(path))
        return md5(path)

    monkeypatch.setattr(inventory, "md5", broken)
    with pytest.raises(PipelineError, match=r"b\.png cannot be read \(Input/output error\)"):
        inventory_of(collection)
    assert "images/a.png" in (collection.parent / "scratch.json").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_read_is_a_sentence(collection: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("images"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PipelineError, match=r"images cannot be read \(Permission denied\)"):
        inventory_of(collection)


DAMAGED = [
    b"",
    b"\x89PNG\xff",
    b"{",
    b"[" * 10_000,
    b"[]",
    b"3",
    b'{"images/a.png": 1}',
    b'{"images/a.png": ["1 2"]}',
    b'{"images/a.png": ["1 2", 3, []]}',
    b'{"images/a.png": ["1 2", "not a checksum", []]}',
    b'{"images/a.png": ["1 2", "0cc175b9c0f1b6a831c399e269772661", [["a", "b"]]]}',
]


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_scratch_is_made_anew_with_a_warning(
    collection: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    before = inventory_of(collection).read_bytes()
    scratch = collection.parent / "scratch.json"
    whole = scratch.read_bytes()
    scratch.write_bytes(content)
    assert inventory_of(collection).read_bytes() == before
    assert capsys.readouterr().err == f"warning: {scratch} is damaged: all files are read again\n"
    assert scratch.read_bytes() == whole
    inventory_of(collection)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"path,bytes\n", b"path,bytes,md5\na,b,c,d\n"])
def test_a_damaged_inventory_is_named_where_it_is_read_and_made_anew_where_it_is_made(
    collection: Path, content: bytes
) -> None:
    csv = inventory_of(collection)
    before = csv.read_bytes()
    csv.write_bytes(content)
    with pytest.raises(PipelineError, match=r"nih\.csv.*: run `make check-data`, which lists the collection's files"):
        read_inventory(csv)
    assert inventory_of(collection).read_bytes() == before


def test_an_inventory_that_did_not_change_is_not_written_again(collection: Path) -> None:
    csv = inventory_of(collection)
    os.utime(csv, ns=(0, 0))
    assert inventory_of(collection).stat().st_mtime_ns == 0


def test_a_missing_or_empty_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="nowhere is missing"):
        make_inventory(tmp_path / "nowhere", tmp_path / "i.csv", tmp_path / "s.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(PipelineError, match="empty is empty"):
        make_inventory(tmp_path / "empty", tmp_path / "i.csv", tmp_path / "s.json")


@pytest.mark.parametrize("path", ["../secret.png", "images/../../secret.png", "/etc/passwd"])
def test_no_path_leaves_the_collection(tmp_path: Path, path: str) -> None:
    with pytest.raises(PipelineError, match="leaves the collection's folder"):
        raw_file(tmp_path, path)


def test_a_file_that_is_not_as_it_was_listed_is_named(collection: Path) -> None:
    table = read_inventory(inventory_of(collection))
    check_unchanged(collection, table, ["images/a.png", "images/b.png"])
    (collection / "images" / "a.png").write_bytes(b"x")
    with pytest.raises(PipelineError, match=r"a\.png has another content than when it was listed"):
        check_unchanged(collection, table, ["images/a.png"])
    (collection / "images" / "a.png").write_bytes(b"longer")
    (collection / "images" / "b.png").unlink()
    for path, message in (
        ("images/a.png", r"a\.png has another size than when it was listed"),
        ("images/b.png", r"b\.png is gone since it was listed"),
        ("images/c.png", r"c\.png is not in the inventory"),
        ("../c.png", "leaves the collection's folder"),
    ):
        with pytest.raises(PipelineError, match=message):
            check_unchanged(collection, table, [path])


def listed_large(in_folder: Path) -> tuple[Path, pd.DataFrame]:
    """A collection of one file that is too large to be read each time, with its scratch where stages look for it."""
    root = Path("data/raw/mine")
    root.mkdir(parents=True)
    (root / "a.tif").write_bytes(bytes(SMALL + 1))
    return root, make_inventory(root, Path("data/raw/inventory/mine.csv"), SCRATCH / "mine.json")


@pytest.mark.parametrize("by_content", [True, False])
def test_a_large_file_is_read_again_where_its_time_is_another(
    in_folder: Path, by_content: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    root, table = listed_large(in_folder)
    check_unchanged(root, table, ["a.tif"], by_content)
    assert capsys.readouterr().out == ""
    os.utime(root / "a.tif", ns=(1, 1))
    check_unchanged(root, table, ["a.tif"], by_content)
    assert "data/raw/mine/a.tif: not the time of change that is remembered" in capsys.readouterr().out
    (root / "a.tif").write_bytes(bytes(SMALL) + b"x")
    with pytest.raises(PipelineError, match=r"a\.tif has another content than when it was listed"):
        check_unchanged(root, table, ["a.tif"], by_content)


def test_that_nothing_is_remembered_of_a_large_file_is_said_and_its_size_compared(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, table = listed_large(in_folder)
    check_unchanged(root, table, ["a.tif"])
    assert capsys.readouterr().out == ""
    (SCRATCH / "mine.json").unlink()
    check_unchanged(root, table, ["a.tif"])
    assert "data/raw/mine: of 1 large files no time of change is remembered" in capsys.readouterr().out
    (root / "a.tif").write_bytes(bytes(SMALL) + b"longer")
    with pytest.raises(PipelineError, match="another size"):
        check_unchanged(root, table, ["a.tif"])


def test_a_list_that_is_older_than_what_is_remembered_is_noticed(in_folder: Path) -> None:
    root, table = listed_large(in_folder)
    (root / "a.tif").write_bytes(bytes(SMALL) + b"x")
    make_inventory(root, Path("other.csv"), SCRATCH / "mine.json")
    with pytest.raises(PipelineError, match="another content"):
        check_unchanged(root, table, ["a.tif"])
