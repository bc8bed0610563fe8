"""CIFAR10: images that are drawn, and written byte by byte as both published versions are."""

import hashlib
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.data.checking import check_files
from pipeline.data.folders.layouts import cifar10
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

BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
LABELS = {name: [3, 5, (3 + number) % 10] for number, name in enumerate(BATCHES)}
IMAGES = {name: drawn(3, 32, 32, 3, seed=number) for number, name in enumerate(BATCHES)}
ALL = np.concatenate([*IMAGES.values()])


def planes(image: np.ndarray) -> bytes:
    """Red, green and blue of an image, one after the other."""
    return b"".join(image[:, :, channel].tobytes() for channel in range(3))


def binary(labels: list[int], images: np.ndarray) -> bytes:
    return b"".join(bytes([label]) + planes(image) for label, image in zip(labels, images, strict=True))


def text(word: str) -> bytes:
    return b"U" + bytes([len(word)]) + word.encode()


def pickled(labels: list[int], images: np.ndarray) -> bytes:
    """A batch in protocol 2, as Python 2 wrote it."""
    pixels = b"".join(map(planes, images))
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85q\x09" + text("b") + b"\x87R"
        b"(K\x01M" + struct.pack("<H", len(images)) + b"M\x00\x0c\x86cnumpy\ndtype\n" + text("u1") + b"K\x00K\x01\x87R"
        b"(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"T" + struct.pack("<I", len(pixels)) + pixels + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    names = b"](" + b"".join(text(f"cat_s_{number:06d}.png") for number in range(len(labels))) + b"e"
    entries = [
        text("batch_label") + b"q\x02" + text("training batch 1 of 5") + b"q\x03",
        text("labels") + b"q\x04" + numbers,
        text("data") + array,
        text("filenames") + names,
    ]
    return b"\x80\x02}q\x01(" + b"".join(entries) + b"u."


def write_binary(root: Path, folder: str = "cifar-10-batches-bin") -> Path:
    (root / folder).mkdir(parents=True)
    for name in BATCHES:
        (root / folder / f"{name}.bin").write_bytes(binary(LABELS[name], IMAGES[name]))
    return root


def write_pickled(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in BATCHES:
        content = pickled(LABELS[name], IMAGES[name])
        (folder / name).write_bytes(content)
        monkeypatch.setitem(cifar10.CHECKSUMS, name, hashlib.md5(content, usedforsecurity=False).hexdigest())
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_binary(tmp_path / "cifar10")


@pytest.fixture
def for_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return write_pickled(tmp_path / "cifar10_python", monkeypatch)


def test_images_are_listed_with_their_class_and_published_split(root: Path) -> None:
    table = read(root, "cifar10", "cat", "dog")
    assert table["source"].tolist()[:2] == [
        "cifar-10-batches-bin/data_batch_1.bin/000000",
        "cifar-10-batches-bin/data_batch_1.bin/000001",
    ]
    assert table["id"].is_unique
    assert table["split"].tolist() == ["train"] * 15 + ["test"] * 3
    # the classes of the labels 3, 4, 5, 6, 7 and 8, in the order of the published list
    third = ["cat", "deer", "dog", "frog", "horse", "ship"]
    expected = [name for other in third for name in ("", "", "" if other in ("cat", "dog") else other)]
    assert table["findings"].tolist() == expected
    assert table["label"].tolist() == [int(name != "") for name in expected]
    assert (table[["group", "left_out"]] == "").all(axis=None)


def test_pixels_come_back_as_drawn(root: Path) -> None:
    table = read(root, "cifar10", "cat")
    np.testing.assert_array_equal(np.stack([*pixels_of(root, table, "cifar10")]), ALL)


def test_thumbnails_are_those_of_the_images(root: Path) -> None:
    check_thumbnails(root, read(root, "cifar10", "cat"), "cifar10", ALL, "RGB")


def test_the_version_for_python_holds_the_same_images(root: Path, for_python: Path) -> None:
    one, two = read(root, "cifar10", "cat"), read(for_python, "cifar10", "cat")
    assert two["source"].iloc[-1] == "cifar-10-batches-py/test_batch/000002"
    columns = ["md5", "split", "label", "findings"]
    assert one[columns].equals(two[columns])
    assert one["md5"].is_unique
    np.testing.assert_array_equal(np.stack([*pixels_of(for_python, two, "cifar10")]), ALL)


def test_what_the_tests_draw_is_what_python_takes_for_a_batch() -> None:
    batch = pickle.loads(pickled([3, 9], IMAGES["test_batch"][:2]), encoding="bytes")  # noqa: S301
    assert batch[b"labels"] == [3, 9]
    assert batch[b"data"].dtype == np.uint8
    np.testing.assert_array_equal(batch[b"data"][:, :1024].reshape(2, 32, 32), IMAGES["test_batch"][:2, ..., 0])


@given(labels=st.lists(st.integers(0, 9), max_size=4), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_versions_hold_any_labels_and_pixels(tmp_path: Path, labels: list[int], seed: int) -> None:
    images = drawn(len(labels), 32, 32, 3, seed=seed)
    assert cifar10._pickled_values(pickled(labels, images)) == (labels, b"".join(map(planes, images)))
    file = tmp_path / "test_batch.bin"
    file.write_bytes(binary(labels, images))
    assert [label for label, _ in cifar10._binary_records(file)] == labels
    for image, (_, pixels) in zip(images, cifar10.read_records(file), strict=True):
        np.testing.assert_array_equal(pixels, image)


@given(place=st.integers(0, len(pickled(LABELS["test_batch"], IMAGES["test_batch"])) - 1), change=st.integers(1, 255))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_in_a_pickle_is_refused_before_anything_is_parsed(
    for_python: Path, monkeypatch: pytest.MonkeyPatch, place: int, change: int
) -> None:
    file = for_python / "cifar-10-batches-py/data_batch_4"
    content = bytearray(pickled(LABELS["data_batch_4"], IMAGES["data_batch_4"]))
    content[place] ^= change
    file.write_bytes(content)
    monkeypatch.setattr(cifar10, "_pickled_values", lambda _: pytest.fail("parsed"))
    with pytest.raises(
        PipelineError,
        match=r"4 is not the published file, and pickles are not trusted: unpack cifar-10-binary\.tar\.gz .* instead$",
    ):
        next(cifar10.read_records(file))


def test_a_drawn_pickle_is_not_the_published_one(for_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with pytest.raises(PipelineError, match="data_batch_1 is not the published file"):
        read(for_python, "cifar10", "cat")


def test_no_pickle_is_run_even_if_its_checksum_is_known(for_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, left = for_python / "cifar-10-batches-py/test_batch", for_python / "left"
    harm = pickle.dumps(Touching(left), protocol=2).removesuffix(b".")
    content = harm + b"0" + pickled(LABELS["test_batch"], IMAGES["test_batch"])[2:]
    assert leaves_a_file(content, left)
    file.write_bytes(content)
    monkeypatch.setitem(cifar10.CHECKSUMS, "test_batch", hashlib.md5(content, usedforsecurity=False).hexdigest())
    assert len(read(for_python, "cifar10", "cat")) == 18
    assert not left.exists()


def test_a_pickle_of_fewer_images_than_labels_is_refused(for_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = pickled([1, 2, 3], IMAGES["test_batch"][:2])
    (for_python / "cifar-10-batches-py/test_batch").write_bytes(content)
    monkeypatch.setitem(cifar10.CHECKSUMS, "test_batch", hashlib.md5(content, usedforsecurity=False).hexdigest())
    with pytest.raises(PipelineError, match="test_batch does not hold as many images as labels"):
        read(for_python, "cifar10", "cat")


def test_where_both_versions_are_there_the_binary_one_is_read(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pickled(root, monkeypatch)
    assert read(root, "cifar10", "cat")["source"].str.startswith("cifar-10-batches-bin/").all()


@pytest.mark.parametrize("left", [1, 3072, 3073 + 17, 3 * 3073 - 1])
def test_a_batch_that_ends_within_an_image_is_refused(root: Path, left: int) -> None:
    for name in BATCHES:
        file = root / f"cifar-10-batches-bin/{name}.bin"
        file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(PipelineError, match=r"data_batch_1\.bin ends within an image: unpack .* there again"):
        read(root, "cifar10", "cat")


@pytest.mark.parametrize("left", [0, 3073, 5000])
def test_a_batch_that_is_shorter_than_the_others_is_refused(root: Path, left: int) -> None:
    file = root / "cifar-10-batches-bin/test_batch.bin"
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(PipelineError, match=r"test_batch\.bin holds fewer images than .*data_batch_1\.bin"):
        read(root, "cifar10", "cat")


def test_a_label_out_of_range_is_refused(root: Path) -> None:
    file = root / "cifar-10-batches-bin/data_batch_2.bin"
    file.write_bytes(binary([1, 10, 2], IMAGES["data_batch_2"]))
    with pytest.raises(PipelineError, match=r"data_batch_2\.bin: image 1 has the label 10, none of 0 to 9"):
        read(root, "cifar10", "cat")


@pytest.mark.parametrize("name", ["data_batch_3.bin", "test_batch.bin"])
def test_a_missing_batch_is_named(root: Path, name: str) -> None:
    (root / "cifar-10-batches-bin" / name).unlink()
    with pytest.raises(
        PipelineError,
        match=rf"holds no file {name}: unpack cifar-10-binary\.tar\.gz there and run `make check-data`",
    ):
        read(root, "cifar10", "cat")


@pytest.mark.parametrize("name", ["kitten", "3", "Cat", "airplane"])
def test_a_class_without_an_image_is_refused(root: Path, name: str) -> None:
    with pytest.raises(
        PipelineError,
        match=f"has no image of the class '{name}': collection.normal must be of cat, deer, dog, frog, horse, ship$",
    ):
        read(root, "cifar10", name, "cat")


def test_two_copies_are_told_apart_by_the_part(root: Path) -> None:
    write_binary(root, "copy")
    with pytest.raises(PipelineError, match=r"have the same name: name the folder of one in collection\.part"):
        read(root, "cifar10", "cat")
    assert read(root, "cifar10", "cat", part="copy")["source"].str.startswith("copy/data_batch_").any()
    with pytest.raises(PipelineError, match=r"holds no file data_batch_1"):
        read(root, "cifar10", "cat", part="cop")


def test_what_is_packed_is_to_be_unpacked(tmp_path: Path) -> None:
    root = tmp_path / "cifar10"
    root.mkdir()
    with tarfile.open(root / "cifar-10-binary.tar.gz", "w:gz") as tar:
        for name in BATCHES:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            content = binary(LABELS[name], IMAGES[name])
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(PipelineError, match=r"holds no file data_batch_1: unpack cifar-10-binary\.tar\.gz there"):
        read(root, "cifar10", "cat")


def test_a_batch_that_changed_since_it_was_listed_is_refused(root: Path) -> None:
    inventory = listed(root)
    (root / "cifar-10-batches-bin/test_batch.bin").write_bytes(binary([1, 2, 3], IMAGES["test_batch"]))
    with pytest.raises(PipelineError, match=r"test_batch\.bin has another content than when it was listed"):
        cifar10.read(root, inventory, settings_for("cifar10", "cat"))


def test_a_collection_of_either_version_is_complete(root: Path, for_python: Path) -> None:
    for folder in (root, for_python):
        rows = check_files(listed(folder)["path"].tolist(), cifar10.EXPECTED)
        assert [row[-1] for row in rows] == ["complete", "complete"]
    (root / "cifar-10-batches-bin/data_batch_5.bin").unlink()
    assert check_files(listed(root)["path"].tolist(), cifar10.EXPECTED)[0][-1] == "incomplete"
