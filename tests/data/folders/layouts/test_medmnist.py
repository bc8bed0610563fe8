"""MedMNIST: arrays that are drawn, in an npz as published, with one label an image or several."""

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.data.checking import check_files
from pipeline.data.folders.layouts import medmnist
from pipeline.errors import PipelineError
from tests.data.folders.layouts.shared import (
    Touching,
    check_thumbnails,
    drawn,
    leaves_a_file,
    listed,
    pixels_of,
    read,
    settings_for,
)

COUNTS = {"train": 5, "val": 2, "test": 3}
FILE = "pneumoniamnist.npz"
SEVERAL = {
    "train": [[0, 0, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]],
    "val": [[0, 0, 0, 0], [1, 1, 1, 1]],
    "test": [[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]],
}


def arrays(*shape: int) -> dict[str, np.ndarray]:
    """Images of a shape and the labels 0, 1, 2, 0, 1 and so on."""
    return {
        name: array
        for seed, (split, count) in enumerate(COUNTS.items())
        for name, array in (
            (f"{split}_images", drawn(count, *shape, seed=seed)),
            (f"{split}_labels", (np.arange(count, dtype=np.uint8) % 3)[:, None]),
        )
    }


def write(root: Path, content: dict[str, Any], name: str = FILE) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(root / name, **content)
    return root


def npy(array: np.ndarray, **changes: Any) -> bytes:
    """An array as numpy writes it, with other values in its header."""
    file = io.BytesIO()
    facts = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, facts | changes)
    return file.getvalue() + array.tobytes()


def write_members(root: Path, changes: dict[str, bytes | None], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write an npz member by member, some of them others than they should be, or missing."""
    members = {name: npy(array) for name, array in arrays(28, 28).items()} | changes
    root.mkdir(exist_ok=True)
    with zipfile.ZipFile(root / FILE, "w", compression) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(f"{name}.npy", content)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "medmnist"


def test_images_are_listed_with_their_label_and_published_split(root: Path) -> None:
    table = read(write(root, arrays(28, 28)), "medmnist", "0")
    assert table["source"].tolist()[4:8] == [
        f"{FILE}/train_000004", f"{FILE}/val_000000", f"{FILE}/val_000001", f"{FILE}/test_000000",
    ]  # fmt: skip
    assert table["id"].equals(table["source"])
    assert table["id"].is_unique
    assert table["split"].tolist() == ["train"] * 5 + ["val"] * 2 + ["test"] * 3
    assert table["findings"].tolist() == ["", "1", "2", "", "1", "", "1", "", "1", "2"]
    assert table["label"].tolist() == [0, 1, 1, 0, 1, 0, 1, 0, 1, 1]
    assert table["md5"].is_unique
    assert (table[["group", "left_out"]] == "").all(axis=None)


def test_several_labels_are_joined_and_none_has_a_name(root: Path) -> None:
    labels = {f"{split}_labels": np.array(several, np.uint8) for split, several in SEVERAL.items()}
    table = read(write(root, arrays(28, 28) | labels), "medmnist", "none")
    assert table["findings"].tolist() == ["", "1|3", "0", "", "3", "", "0|1|2|3", "", "2", "0"]
    with pytest.raises(PipelineError, match=r"no image of the class '1'"):
        read(root, "medmnist", "none", "1")


@pytest.mark.parametrize("shape", [(28, 28), (64, 64), (28, 28, 3)])
def test_pixels_and_thumbnails_are_those_drawn(root: Path, shape: tuple[int, ...]) -> None:
    content = arrays(*shape)
    table = read(write(root, content), "medmnist", "0")
    images = np.concatenate([content[f"{split}_images"] for split in COUNTS])
    np.testing.assert_array_equal(np.stack([*pixels_of(root, table, "medmnist")]), images)
    check_thumbnails(root, table, "medmnist", images, "RGB" if len(shape) == 3 else "L")


@given(
    counts=st.tuples(*[st.integers(0, 4)] * 3),
    side=st.integers(16, 40),
    colour=st.booleans(),
    dtype=st.sampled_from(["u1", "<i8", ">i4"]),
    packed=st.booleans(),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_numpy_writes_comes_back(
    root: Path, counts: tuple[int, ...], side: int, colour: bool, dtype: str, packed: bool
) -> None:
    shape = (side, side, 3) if colour else (side, side)
    content = {}
    for split, count in zip(COUNTS, counts, strict=True):
        content[f"{split}_images"] = drawn(count, *shape, seed=count)
        content[f"{split}_labels"] = np.arange(count).astype(dtype)[:, None]
    root.mkdir(exist_ok=True)
    (np.savez_compressed if packed else np.savez)(root / FILE, **content)
    images = list(medmnist._images(root / FILE))
    assert [(name, of_class) for name, of_class, _ in images] == [
        (f"{split}_{i:06d}", str(i)) for split, count in zip(COUNTS, counts, strict=True) for i in range(count)
    ]
    expected = np.concatenate([content[f"{split}_images"] for split in COUNTS])
    np.testing.assert_array_equal(np.array([pixels for *_, pixels in images]).reshape(expected.shape), expected)


@pytest.mark.parametrize("packed", [True, False])
def test_memory_does_not_grow_with_the_file(root: Path, packed: bool) -> None:
    def peak(count: int) -> int:
        content = arrays(28, 28) | {"train_images": drawn(count, 28, 28), "train_labels": np.zeros((count, 1), "u1")}
        root.mkdir(exist_ok=True)
        (np.savez_compressed if packed else np.savez)(root / FILE, **content)
        del content
        tracemalloc.start()
        assert sum(1 for _ in medmnist.read_records(root / FILE)) == count + 5
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(200)  # what is imported and kept at the first time
    assert peak(4000) < 1.3 * peak(200)


def test_a_list_takes_less_memory_than_the_images_it_is_of(root: Path) -> None:
    content = arrays(64, 64) | {"train_images": drawn(2000, 64, 64), "train_labels": np.zeros((2000, 1), "u1")}
    inventory = listed(write(root, content))
    of_images = content.pop("train_images").nbytes
    tracemalloc.start()
    medmnist.read(root, inventory, settings_for("medmnist", "0"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < of_images / 4


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99, 0.9999])
def test_a_truncated_file_is_refused(root: Path, share: float) -> None:
    file = write(root, arrays(28, 28)) / FILE
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(PipelineError, match=rf"{FILE} is not a whole npz as numpy writes it: download it again$"):
        read(root, "medmnist", "0")


@given(place=st.integers(0), change=st.integers(1, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_changes_no_pixel_that_is_read(root: Path, place: int, change: int) -> None:
    content = arrays(28, 28)
    file = write(root, content) / FILE
    damaged = bytearray(file.read_bytes())
    damaged[place % len(damaged)] ^= change
    file.write_bytes(damaged)
    try:
        read_anyway = {name: pixels for name, pixels in medmnist.read_records(file)}  # noqa: C416
    except PipelineError as error:
        assert str(error).startswith(str(file))  # noqa: PT017
    else:  # a byte that only other programs read, as of a time
        assert len(read_anyway) == 10
        np.testing.assert_array_equal(read_anyway["train_000004"], content["train_images"][4])


def test_objects_are_not_unpickled(root: Path) -> None:
    left = root.parent / "left"
    harm = np.empty((5, 1), object)
    harm[:] = Touching(left)
    for name in ("train_labels", "test_images"):
        write(root, arrays(28, 28) | {name: harm})
        with zipfile.ZipFile(root / FILE) as archive, archive.open(f"{name}.npy") as member:
            np.lib.format.read_magic(member)
            np.lib.format.read_array_header_1_0(member)
            assert leaves_a_file(member.read(), left)
        with pytest.raises(PipelineError, match=rf"{FILE}, {name}: it holds no whole numbers"):
            read(root, "medmnist", "0")
        assert not left.exists()


def test_an_npz_that_is_a_pickle_is_not_unpickled(root: Path) -> None:
    left = root.parent / "left"
    harm = pickle.dumps(Touching(left))
    assert leaves_a_file(harm, left)
    root.mkdir()
    (root / FILE).write_bytes(harm)
    with pytest.raises(PipelineError, match="is not a whole npz"):
        read(root, "medmnist", "0")
    assert not left.exists()


IMAGES = arrays(28, 28)["train_images"]
LABELS = arrays(28, 28)["train_labels"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"train_images": None}, "has no array train_images"),
        ({"val_labels": None}, "has no array val_labels"),
        ({"test_images": None, "test_labels": None}, "has no array test_images"),
        ({"train_images": npy(IMAGES, shape=(10**6, 28, 28))}, "train_images: its header claims another size"),
        ({"train_images": npy(IMAGES, shape=(4, 28, 28))}, "train_images: its header claims another size"),
        ({"train_images": npy(IMAGES, shape=(-5, 28, -28))}, "train_images: uint8 of -5×28×-28 is not"),
        ({"train_images": npy(IMAGES, shape=())}, "train_images: its header claims another size"),
        ({"train_images": npy(np.uint8(3), shape=())}, "train_images: uint8 of a single number is not uint8 of N×s×s"),
        ({"train_images": npy(IMAGES, shape=(5, 784))}, "train_images: uint8 of 5×784 is not uint8 of N×s×s"),
        ({"train_images": npy(IMAGES, shape=(5, 56, 14))}, "train_images: uint8 of 5×56×14 is not"),
        ({"train_images": npy(drawn(5, 28, 28, 28))}, "train_images: uint8 of 5×28×28×28 is not uint8 of"),
        ({"train_images": npy(drawn(5, 28, 28, 4))}, "train_images: uint8 of 5×28×28×4 is not"),
        ({"train_images": npy(drawn(5, 8, 8))}, "train_images: uint8 of 5×8×8 is not .* s at least 16"),
        ({"train_images": npy(IMAGES.astype("<u2"))}, "train_images: uint16 of 5×28×28 is not uint8"),
        ({"train_images": npy(IMAGES.astype("<f4"))}, "train_images: it holds no whole numbers"),
        ({"train_images": npy(IMAGES, fortran_order=True)}, "train_images: it holds no whole numbers, row by row"),
        ({"train_images": b"no array"}, "train_images: it has no header as numpy writes it"),
        ({"train_images": b""}, "train_images: it has no header as numpy writes it"),
        ({"train_images": b"\x93NUMPY\x01\x00\x10\x00" + b"[" * 16}, "train_images: it has no header"),
        ({"train_images": b"\x93NUMPY\x01\x00\x60\xea" + b"(" * 60000}, "train_images: it has no header"),
        ({"train_images": b"\x93NUMPY\x02\x00" + npy(IMAGES)[8:]}, "train_images: it has no header"),
        ({"train_images": npy(IMAGES).replace(b"28, 28)", b"2L, 28)")}, "train_images: it has no header"),
        ({"train_labels": npy(LABELS[:4])}, "train_labels: 4×1 labels are not those of 5 images"),
        ({"train_labels": npy(LABELS.ravel())}, "train_labels: 5 labels are not those of 5 images"),
        ({"train_labels": npy(np.zeros((5, 0), np.uint8))}, "train_labels: 5×0 labels are not"),
        ({"train_labels": npy(np.zeros((5, 101), np.uint8))}, "train_labels: 5×101 labels are not"),
        ({"train_labels": npy(LABELS.astype(float))}, "train_labels: it holds no whole numbers"),
        ({"train_labels": npy(LABELS.astype(np.int8) - 1)}, r"train_labels: row 0 is \[-1\]"),
        ({"train_labels": npy(np.array([[0, 1]] * 4 + [[2, 0]], np.uint8))}, r"train_labels: row 4 is \[2, 0\]"),
    ],
)
def test_what_is_no_published_array_is_refused_in_a_sentence(
    root: Path, changes: dict[str, bytes | None], what: str
) -> None:
    with pytest.raises(PipelineError, match=rf"{FILE}.*{what}.*: download it again$"):
        read(write_members(root, changes), "medmnist", "0")


def test_a_claim_of_more_images_than_anyone_has_is_refused_before_they_are_read(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(medmnist, "MOST_IMAGES", 4)
    with pytest.raises(PipelineError, match="uint8 of 5×28×28 is not uint8 of N×s×s or N×s×s×3, with N at most 4"):
        read(write_members(root, {}), "medmnist", "0")


def test_an_array_that_inflates_to_less_than_the_archive_says_is_refused(root: Path) -> None:
    """The size is in the archive's list of contents alone, and larger than what was packed."""
    images = npy(IMAGES, shape=(9999, 28, 28))
    file = write_members(root, {"train_images": images, "train_labels": npy(np.zeros((9999, 1), np.uint8))}) / FILE
    claimed = len(images) + (9999 - 5) * 28 * 28
    content = file.read_bytes()
    size = len(images).to_bytes(4, "little")
    assert content.count(size) == 2  # before the member and in the list
    file.write_bytes(content.replace(size, claimed.to_bytes(4, "little")))
    with pytest.raises(PipelineError, match="is not a whole npz"):
        read(root, "medmnist", "0")


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compression_that_inflates_without_bounds_is_refused(root: Path, compression: int) -> None:
    with pytest.raises(PipelineError, match="train_images: it is compressed in a way that numpy does not write"):
        read(write_members(root, {}, compression), "medmnist", "0")


def test_an_encrypted_file_is_refused(root: Path) -> None:
    file = write(root, arrays(28, 28)) / FILE
    content = bytearray(file.read_bytes())
    listing = content.index(b"PK\x01\x02")
    content[6] |= 1
    content[listing + 8] |= 1
    file.write_bytes(content)
    with pytest.raises(PipelineError, match="is not a whole npz"):
        read(root, "medmnist", "0")


def test_the_only_file_is_found_and_one_of_several_is_named(root: Path) -> None:
    write(root, arrays(28, 28), "28/chestmnist.npz")
    assert read(root, "medmnist", "0")["source"].iloc[0] == "28/chestmnist.npz/train_000000"
    write(root, arrays(64, 64), "64/chestmnist_64.npz")
    with pytest.raises(
        PipelineError,
        match=r"holds 28/chestmnist\.npz and 64/chestmnist_64\.npz: name the one that is meant in collection\.file$",
    ):
        read(root, "medmnist", "0")
    named = read(root, "medmnist", "0", file="64/chestmnist_64.npz")
    assert named["source"].str.startswith("64/chestmnist_64.npz/").all()
    assert read(root, "medmnist", "0", part="64").equals(named)
    assert read(root, "medmnist", "0", part="64/", file="chestmnist_64.npz").equals(named)


@pytest.mark.parametrize("file", ["gone.npz", ""])
def test_a_file_that_is_not_in_the_collection_is_refused(root: Path, file: str) -> None:
    write(root, arrays(28, 28))
    with pytest.raises(PipelineError, match=r"of collection\.file is missing: put it there and run `make check-data`$"):
        read(root, "medmnist", "0", file=file)


def test_a_folder_without_an_npz_is_refused(root: Path) -> None:
    write(root, arrays(28, 28))
    with pytest.raises(PipelineError, match=r"medmnist/64 holds no npz: put one there and run `make check-data`"):
        read(root, "medmnist", "0", part="64")


@pytest.mark.parametrize("name", ["3", "normal", "none"])
def test_a_class_without_an_image_is_refused(root: Path, name: str) -> None:
    write(root, arrays(28, 28))
    with pytest.raises(
        PipelineError, match=f"{FILE} has no image of the class '{name}': collection.normal must be of 0, 1, 2$"
    ):
        read(root, "medmnist", "0", name)


def test_a_file_that_changed_since_it_was_listed_is_refused(root: Path) -> None:
    inventory = listed(write(root, arrays(28, 28)))
    write(root, arrays(32, 32))
    with pytest.raises(PipelineError, match=rf"{FILE} has another size than when it was listed"):
        medmnist.read(root, inventory, settings_for("medmnist", "0"))


def test_a_collection_of_any_number_of_files_is_complete(root: Path) -> None:
    write(root, arrays(28, 28), "a.npz")
    write(root, arrays(28, 28), "b/c.npz")
    assert check_files(listed(root)["path"].tolist(), medmnist.EXPECTED)[0][-1] == "complete"
