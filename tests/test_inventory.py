import os
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.inventory import check_unchanged, make_inventory, raw_file, read_inventory


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


def test_a_link_to_nowhere_is_a_sentence_and_what_was_read_is_kept(collection: Path) -> None:
    (collection / "images" / "c.png").symlink_to(collection / "gone.png")
    with pytest.raises(PipelineError, match=r"c\.png cannot be read"):
        inventory_of(collection)
    assert "images/a.png" in (collection.parent / "scratch.json").read_text()


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
