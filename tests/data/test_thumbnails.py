import io
import os
import signal
import tarfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data import thumbnails
from pipeline.data.inventory import read_inventory
from pipeline.data.picture_files import read_picture, thumbnail
from pipeline.errors import PipelineError
from tests.data.conftest import FILMS, Collection, ThumbnailsOf
from tests.forked import Fork, Forked

ALL = range(10)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "CHUNK", 4)


def test_every_file_has_its_thumbnail(collection: Collection, table: pd.DataFrame, thumbnails_of: ThumbnailsOf) -> None:
    made = thumbnails_of(table)
    expected = [
        np.asarray(thumbnail(read_picture((collection.root / source).read_bytes(), source, "L")[0], 30))
        for source in table["source"]
    ]
    np.testing.assert_array_equal(made.read(ALL), np.stack(expected))
    assert made.index.to_dict("list") == {
        "source": table["source"].tolist(),
        "reason": [""] * 10,
        "colour": [False] * 10,
    }


@pytest.mark.usefixtures("small_chunks")
def test_the_number_of_workers_changes_no_byte(
    table: pd.DataFrame, thumbnails_of: ThumbnailsOf, tmp_path: Path
) -> None:
    for workers in (1, 2):
        thumbnails_of(table, f"scratch{workers}", workers)
    for name in ("images.npy", "index.csv"):
        one, two = (next((tmp_path / f"scratch{workers}").rglob(name)).read_bytes() for workers in (1, 2))
        assert one == two


def unreadable(film: bytes) -> dict[str, bytes]:
    """Files of all kinds that are no X-rays."""
    jpeg = io.BytesIO()
    Image.new("L", (40, 40)).save(jpeg, "JPEG")
    return {
        "empty.png": b"",
        "empty.jpg": b"",
        "text.png": b"no picture",
        "text.jpg": b"no picture",
        "header.png": film[:20],
        "half.png": film[: len(film) // 2],
        "flipped.png": film[:60] + bytes([film[60] ^ 0xFF]) + film[61:],
        "half.jpg": jpeg.getvalue()[:300],
        "jpeg.png": jpeg.getvalue(),
        "png.jpg": film,
    }


def test_reasons_hold_nothing_of_the_machine_and_are_the_same_in_every_folder(tmp_path: Path) -> None:
    reasons = []
    for folder in ("one", "two"):
        collection = Collection(tmp_path / folder / "films").write()
        content = unreadable((collection.root / "images" / FILMS[0][0]).read_bytes())
        for name, damaged in content.items():
            (collection.root / name).write_bytes(damaged)
        inventory = collection.inventory(tmp_path / folder / "inventory.csv")
        files = pd.DataFrame({"source": list(content), "md5": "0"})
        scratch = tmp_path / folder / "scratch"
        reasons.append(thumbnails.make_thumbnails(collection.root, files, inventory, 30, scratch, 1).index["reason"])
    assert reasons[0].tolist() == reasons[1].tolist()
    # the decoder's own words would come from freed memory
    assert reasons[0][list(content).index("half.png")] == "half.png is not a whole PNG file: download it again"
    for name, reason in zip(content, reasons[0], strict=True):
        assert reason.startswith(
            (
                f"{name} is not a whole PNG file (",
                f"{name} is not a whole JPEG file (",
                f"{name} is not a whole PNG file:",
            )
        )
        assert "0x" not in reason
        assert str(tmp_path) not in reason


def test_a_file_that_the_system_does_not_hand_out_is_a_row_with_a_reason(
    collection: Collection, tmp_path: Path
) -> None:
    (collection.root / "folder.png").mkdir()  # whoever runs this may read every file
    array, part = tmp_path / "array", tmp_path / "part.npz"
    array.write_bytes(bytes(2 * 30**2))
    chunk = thumbnails.Chunk("", (0, 1), ("folder.png", f"images/{FILMS[0][0]}"))
    thumbnails.ThumbnailJob(collection.root, array, 0, 30)(chunk, part)
    with np.load(part) as content:
        reasons = content["reasons"].tolist()
    assert reasons == ["folder.png cannot be read (Is a directory): see to its permissions and disk", ""]


@pytest.mark.usefixtures("small_chunks")
def test_a_second_arm_decodes_nothing(table: pd.DataFrame, thumbnails_of: ThumbnailsOf, tmp_path: Path) -> None:
    def written() -> dict[Path, int]:
        files = (path for path in (tmp_path / "scratch").rglob("*.np[yz]"))
        return {path: path.stat().st_mtime_ns for path in files}

    thumbnails_of(table)
    before = written()
    assert len(before) == 4
    thumbnails_of(table)
    assert written() == before


@pytest.mark.usefixtures("small_chunks")
def test_an_interrupted_run_goes_on_and_ends_in_the_same_bytes(
    table: pd.DataFrame, thumbnails_of: ThumbnailsOf, tmp_path: Path
) -> None:
    whole = thumbnails_of(table, "whole").read(ALL)
    thumbnails_of(table)
    folder = next((tmp_path / "scratch").iterdir())
    parts = sorted((folder / "parts").iterdir())
    assert len(parts) == 3
    parts[1].unlink()
    with (folder / "images.npy").open("r+b") as array:  # as if killed in the middle of the second part
        array.seek(-900 * 5, os.SEEK_END)
        array.write(b"\0" * 900)
    times = [parts[i].stat().st_mtime_ns for i in (0, 2)]
    np.testing.assert_array_equal(thumbnails_of(table).read(ALL), whole)
    assert [parts[i].stat().st_mtime_ns for i in (0, 2)] == times


def test_other_files_get_other_thumbnails_and_replace_the_old_ones(
    table: pd.DataFrame, thumbnails_of: ThumbnailsOf, tmp_path: Path
) -> None:
    thumbnails_of(table)
    first = list((tmp_path / "scratch").iterdir())
    thumbnails_of(table.assign(md5="1"))
    second = list((tmp_path / "scratch").iterdir())
    assert len(first) == len(second) == 1
    assert first != second


def packed(collection: Collection, table: pd.DataFrame) -> pd.DataFrame:
    """Put the images from the fourth on into an archive, in another order than that of their names."""
    with tarfile.open(collection.root / "images_001.tar.gz", "w:gz") as tar:
        for source in reversed(table["source"].tolist()[3:]):
            tar.add(collection.root / source, source)
            (collection.root / source).unlink()
    sources = [source if i < 3 else f"images_001.tar.gz/{source}" for i, source in enumerate(table["source"])]
    return table.assign(source=sources)


def test_images_in_an_archive_are_read_without_unpacking(
    collection: Collection, table: pd.DataFrame, thumbnails_of: ThumbnailsOf
) -> None:
    plain = thumbnails_of(table, "plain").read(ALL)
    made = thumbnails_of(packed(collection, table))
    np.testing.assert_array_equal(made.read(ALL), plain)
    assert (made.index["reason"] == "").all()
    assert sorted(path.name for path in collection.root.iterdir()) == [
        "Data_Entry_2017_v2020.csv", "images", "images_001.tar.gz", "test_list.txt", "train_val_list.txt",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("images/00000001_000.png", r"00000001_000\.png is gone since it was listed"),
        ("images/00000001_001.png", r"00000001_001\.png has another size than when it was listed"),
    ],
)
def test_a_file_that_changed_since_it_was_listed_stops_before_work(
    collection: Collection, table: pd.DataFrame, tmp_path: Path, source: str, message: str
) -> None:
    inventory = collection.inventory(tmp_path / "inventory.csv")
    file = collection.root / source
    file.unlink() if "000.png" in source else file.write_bytes(b"other")
    with pytest.raises(PipelineError, match=message):
        thumbnails.make_thumbnails(collection.root, table, inventory, 30, tmp_path / "scratch", 1)
    assert not (tmp_path / "scratch").exists()


def test_a_path_out_of_the_folder_is_not_followed(
    collection: Collection, table: pd.DataFrame, thumbnails_of: ThumbnailsOf
) -> None:
    with pytest.raises(PipelineError, match="leaves the collection's folder"):
        thumbnails_of(table.assign(source="../secret.png"))


def make_in_chunks(root: Path, scratch: Path) -> None:
    thumbnails.CHUNK = 20
    inventory = read_inventory(root.parent / "inventory.csv")
    files = inventory.rename(columns={"path": "source"})
    thumbnails.make_thumbnails(root, files, inventory, 300, scratch, 2)


@pytest.mark.slow
def test_killed_thumbnails_go_on_and_end_in_the_same_bytes(tmp_path: Path, fork: Fork) -> None:
    root = tmp_path / "films"
    root.mkdir()
    film = np.random.default_rng(0).integers(0, 256, (600, 600), np.uint8)
    for number in range(200):
        Image.fromarray(np.roll(film, number)).save(root / f"{number:03}.png", compress_level=1)
    Collection(root).inventory(tmp_path / "inventory.csv")

    def start(scratch: str) -> Forked:
        return fork(make_in_chunks, root, tmp_path / scratch)

    assert start("whole").wait() == 0
    killed = start("killed")
    while len(list((tmp_path / "killed").rglob("parts/[!.]*.npz"))) < 3:
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    output, _ = start("killed").communicate()
    assert "of 10 were finished before" in output
    for name in ("images.npy", "index.csv"):
        one, two = (next((tmp_path / scratch).rglob(name)).read_bytes() for scratch in ("whole", "killed"))
        assert one == two


@pytest.mark.parametrize("left", [None, 0, 1000])
def test_an_array_that_is_gone_or_cut_is_made_anew(
    left: int | None, table: pd.DataFrame, thumbnails_of: ThumbnailsOf, tmp_path: Path
) -> None:
    before = thumbnails_of(table).read(ALL)
    array = next(tmp_path.rglob("images.npy"))
    if left is None:
        array.unlink()
    else:
        os.truncate(array, left)
    np.testing.assert_array_equal(thumbnails_of(table).read(ALL), before)
