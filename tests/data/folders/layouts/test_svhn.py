"""SVHN: images that are drawn, and written byte by byte as MATLAB writes them."""

import pickle
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.data.checking import check_files
from pipeline.data.folders.layouts import svhn
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

TRAIN, TEST = "train_32x32.mat", "test_32x32.mat"
LABELS = {TRAIN: [10, 7, 1, 10], TEST: [7, 10, 9]}
IMAGES = {TRAIN: drawn(4, 32, 32, 3), TEST: drawn(3, 32, 32, 3, seed=1)}
ALL = np.concatenate([IMAGES[TRAIN], IMAGES[TEST]])
# MATLAB's numbers of the classes of a variable.
CELL, STRUCT, OBJECT, CHAR, DOUBLE, UINT8, INT16, FUNCTION, OPAQUE = 1, 2, 3, 4, 6, 9, 10, 16, 17
LOGICAL, COMPLEX = 0x0200, 0x0800
HEADER = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x01IM"


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def variable(name: str, mat_class: int, shape: tuple[int, ...], *data: bytes) -> bytes:
    """A variable whose numbers, and imaginary ones, are stored as bytes, as MATLAB does where they fit."""
    parts = [
        element(6, struct.pack("<II", mat_class, 0)),
        element(5, struct.pack(f"<{len(shape)}i", *shape)),
        element(1, name.encode()),
        *(element(2, numbers) for numbers in data),
    ]
    return element(14, b"".join(parts))


def compressed(content: bytes) -> bytes:
    packed = zlib.compress(content)
    return struct.pack("<II", 15, len(packed)) + packed


def pixels_in_order(images: np.ndarray) -> bytes:
    """Image by image, of each red, green and blue, of each column by column."""
    return b"".join(
        image[:, column, channel].tobytes() for image in images for channel in range(3) for column in range(32)
    )


def variables(images: np.ndarray, labels: list[int]) -> list[bytes]:
    return [
        variable("X", UINT8, (32, 32, 3, len(images)), pixels_in_order(images)),
        variable("y", DOUBLE, (len(labels), 1), bytes(labels)),
    ]


def mat(*content: bytes) -> bytes:
    return HEADER + b"".join(map(compressed, content))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "svhn"
    root.mkdir()
    for name in (TRAIN, TEST):
        (root / name).write_bytes(mat(*variables(IMAGES[name], LABELS[name])))
    return root


def replaced(root: Path, content: bytes) -> Path:
    """Write other content to the file of the test images."""
    (root / TEST).write_bytes(content)
    return root


def test_images_are_listed_with_their_digit_and_published_split(root: Path) -> None:
    table = read(root, "svhn", "0")
    assert table["source"].tolist() == [f"{TRAIN}/00000{i}" for i in range(4)] + [f"{TEST}/00000{i}" for i in range(3)]
    assert table["id"].equals(table["source"])
    assert table["split"].tolist() == ["train"] * 4 + ["test"] * 3
    assert table["findings"].tolist() == ["", "7", "1", "", "7", "", "9"]
    assert table["label"].tolist() == [0, 1, 1, 0, 1, 0, 1]
    assert table["md5"].is_unique
    assert (table[["group", "left_out"]] == "").all(axis=None)


def test_pixels_come_back_as_drawn(root: Path) -> None:
    table = read(root, "svhn", "0")
    np.testing.assert_array_equal(np.stack([*pixels_of(root, table, "svhn")]), ALL)


def test_thumbnails_are_those_of_the_images(root: Path) -> None:
    check_thumbnails(root, read(root, "svhn", "0"), "svhn", ALL, "RGB")


@given(st.lists(st.integers(1, 10), min_size=2, max_size=5), st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_scipy_writes_comes_back(tmp_path: Path, labels: list[int], packed: bool) -> None:
    file, images = tmp_path / TRAIN, drawn(len(labels), 32, 32, 3, seed=len(labels))
    content = {
        "other": np.array([{"a": 1}, "b"], object),
        "X": images.transpose(1, 2, 3, 0),
        "more": {"field": np.zeros(3)},
        "y": np.array(labels, np.uint8)[:, None],
    }
    scipy.io.savemat(file, content, do_compression=packed)
    for number, (name, digit, pixels) in enumerate(svhn._images(file)):
        assert (name, digit) == (f"{number:06d}", str(labels[number] % 10))
        np.testing.assert_array_equal(pixels, images[number])
    assert number + 1 == len(labels)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(root: Path, packed: bool, share: float) -> None:
    parts = variables(IMAGES[TEST], LABELS[TEST])
    whole = mat(*parts) if packed else HEADER + b"".join(parts)
    assert len(read(replaced(root, whole), "svhn", "0")) == 7
    with pytest.raises(PipelineError, match=r"test_32x32\.mat (is|does).*: download it again$"):
        read(replaced(root, whole[: int(share * len(whole))]), "svhn", "0")


@given(place=st.integers(0), change=st.integers(1, 255))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_of_what_is_compressed_changes_no_pixel(tmp_path: Path, place: int, change: int) -> None:
    file, whole = tmp_path / TEST, mat(*variables(IMAGES[TEST], LABELS[TEST]))
    content = bytearray(whole)
    content[len(HEADER) + place % (len(whole) - len(HEADER))] ^= change
    file.write_bytes(content)
    try:
        read_anyway = np.stack([pixels for _, pixels in svhn.read_records(file)])
    except PipelineError as error:
        assert str(error).startswith(str(file))  # noqa: PT017
    else:  # a byte that no inflating depends on
        np.testing.assert_array_equal(read_anyway, IMAGES[TEST])


@given(place=st.integers(0), change=st.integers(1, 255))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(place=64, change=1)  # ends a process that reads by scipy
def test_damage_of_what_is_not_compressed_is_refused_or_changes_pixels_alone(
    tmp_path: Path, place: int, change: int
) -> None:
    file, parts = tmp_path / TEST, variables(IMAGES[TEST], LABELS[TEST])
    content = bytearray(HEADER + b"".join(parts))
    content[len(HEADER) + place % 72] ^= change  # of the first variable: its size, class, shape, name and type
    file.write_bytes(content)
    try:
        assert [pixels.shape for _, pixels in svhn.read_records(file)] == [(32, 32, 3)] * 3
    except PipelineError as error:
        assert str(error).startswith(str(file))  # noqa: PT017


X, Y = variables(IMAGES[TEST], LABELS[TEST])
REAL = pixels_in_order(IMAGES[TEST])


BYTES, SHAPE = "{} is no array of bytes", "X is of {} and y of {}, not of 32×32×3×N and N×1"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (mat(X), "does not hold y"),
        (mat(Y), "does not hold X"),
        (mat(), "does not hold X"),
        (mat(X, X, Y), "holds X twice"),
        (mat(variable("X", CELL, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", STRUCT, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", OBJECT, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", CHAR, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", FUNCTION, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", OPAQUE, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", INT16, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", DOUBLE, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", UINT8 | LOGICAL, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", UINT8 | COMPLEX, (32, 32, 3, 3), REAL, REAL), Y), BYTES.format("X")),
        (mat(variable("X", UINT8 | COMPLEX, (32, 32, 3, 3), REAL), Y), BYTES.format("X")),
        (mat(variable("X", UINT8, (32, 32, 3, 4), REAL), Y), BYTES.format("X")),
        (mat(variable("X", UINT8, (32, 32, 3, 10**9), REAL), Y), BYTES.format("X")),
        (mat(variable("X", UINT8, (), REAL), Y), BYTES.format("X")),
        (mat(X, variable("y", CELL, (3, 1), bytes([1, 2, 3]))), BYTES.format("y")),
        (mat(variable("X", UINT8, (32, 32, 9), REAL), Y), SHAPE.format("32×32×9", "3×1")),
        (mat(variable("X", UINT8, (64, 16, 3, 3), REAL), Y), SHAPE.format("64×16×3×3", "3×1")),
        (mat(variable("X", UINT8, (-32, -32, 3, 3), REAL), Y), SHAPE.format("-32×-32×3×3", "3×1")),
        (mat(X, variable("y", DOUBLE, (2, 1), bytes([1, 2]))), SHAPE.format("32×32×3×3", "2×1")),
        (mat(X, variable("y", DOUBLE, (1, 3), bytes([1, 2, 3]))), SHAPE.format("32×32×3×3", "1×3")),
        (mat(X, variable("y", DOUBLE, (3, 1), bytes([1, 11, 2]))), "y of image 1 is 11, none of 1 to 10"),
        (mat(X, variable("y", DOUBLE, (3, 1), bytes([1, 2, 0]))), "y of image 2 is 0, none of 1 to 10"),
        (mat(X, Y.replace(element(2, bytes(LABELS[TEST])), element(1, bytes(LABELS[TEST])))), BYTES.format("y")),
        (mat(X[:-8], Y), "is not a whole MATLAB file"),
        (mat(X + Y), "is not a whole MATLAB file"),
        (mat(b"", X, Y), "is not a whole MATLAB file"),
        (mat(element(1, b"text"), X, Y), "is not a whole MATLAB file"),
        (HEADER[:-4] + b"\x00\x02IM" + bytes(1000), "is no MATLAB file of format 5, as the published one"),
        (HEADER[:-4] + b"\x01\x00MI" + bytes(1000), "is no MATLAB file of format 5"),
        (b"", "is no MATLAB file of format 5"),
        (b"\x89HDF\r\n\x1a\n" + bytes(1000), "is no MATLAB file of format 5"),
        (b"<!DOCTYPE html><html>404</html>".ljust(1000), "is no MATLAB file of format 5"),
    ],
)
def test_what_is_no_published_file_is_refused_in_a_sentence(root: Path, content: bytes, what: str) -> None:
    with pytest.raises(PipelineError, match=rf"test_32x32\.mat.*{what}.*: download it again$"):
        read(replaced(root, content), "svhn", "0")


@pytest.mark.parametrize("label", [1, 1.5, float("nan"), 1 + 2j])
def test_labels_that_are_not_stored_as_bytes_are_refused(root: Path, label: complex) -> None:
    labels = np.array([[1], [2], [label]], np.result_type(type(label), np.float64))
    scipy.io.savemat(root / TEST, {"X": IMAGES[TEST].transpose(1, 2, 3, 0), "y": labels})
    with pytest.raises(PipelineError, match=r"test_32x32\.mat: y is no array of bytes"):
        read(root, "svhn", "0")


def test_objects_are_not_unpickled(root: Path) -> None:
    left = root.parent / "left"
    harm = pickle.dumps(Touching(left))
    assert leaves_a_file(harm, left)
    for content in (harm, mat(variable("X", OBJECT, (1, 1), harm), Y), mat(variable("X", OPAQUE, (1, 1), harm), Y)):
        with pytest.raises(PipelineError, match=r"download it again$"):
            read(replaced(root, content), "svhn", "0")
    assert not left.exists()


def test_a_file_that_inflates_without_end_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svhn, "LARGEST", 2**24)
    replaced(root, mat(X, variable("y", DOUBLE, (3, 1), bytes(2**27))))
    assert (root / TEST).stat().st_size < 2**18
    tracemalloc.start()
    with pytest.raises(PipelineError, match=r"test_32x32\.mat holds more than 16 MiB: download it again$"):
        next(svhn.read_records(root / TEST))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**26


def test_a_file_of_any_size_is_not_taken_into_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svhn, "LARGEST", 2**20)
    with (root / TEST).open("r+b") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(PipelineError, match=r"test_32x32\.mat holds more than 1 MiB: download it again$"):
        next(svhn.read_records(root / TEST))


@pytest.mark.parametrize("name", [TRAIN, TEST])
def test_a_missing_file_is_named(root: Path, name: str) -> None:
    (root / name).unlink()
    with pytest.raises(PipelineError, match=rf"svhn holds no file {name}: put it there and run `make check-data`"):
        read(root, "svhn", "0")
    assert check_files(listed(root)["path"].tolist(), svhn.EXPECTED)[[TRAIN, TEST].index(name)][-1] == "missing"


@pytest.mark.parametrize("name", ["10", "seven", "5"])
def test_a_class_without_an_image_is_refused(root: Path, name: str) -> None:
    with pytest.raises(
        PipelineError, match=f"has no image of the class '{name}': collection.normal must be of 0, 1, 7, 9$"
    ):
        read(root, "svhn", "0", name)


def test_the_part_is_a_folder_in_the_collection(root: Path) -> None:
    (root / "format2").mkdir()
    for name in (TRAIN, TEST):
        (root / name).rename(root / "format2" / name)
    (root / "extra_32x32.mat").write_bytes(b"not read")
    assert read(root, "svhn", "0", part="format2/")["source"].iloc[0] == f"format2/{TRAIN}/000000"
    assert read(root, "svhn", "0")["source"].iloc[0] == f"format2/{TRAIN}/000000"
    with pytest.raises(PipelineError, match="holds no file train_32x32"):
        read(root, "svhn", "0", part="format")


def test_a_file_that_changed_since_it_was_listed_is_refused(root: Path) -> None:
    inventory = listed(root)
    replaced(root, mat(*variables(IMAGES[TEST][:2], LABELS[TEST][:2])))
    with pytest.raises(PipelineError, match=r"test_32x32\.mat has another size than when it was listed"):
        svhn.read(root, inventory, settings_for("svhn", "0"))


def test_a_whole_collection_is_complete(root: Path) -> None:
    rows = check_files(listed(root)["path"].tolist(), svhn.EXPECTED)
    assert [row[-1] for row in rows] == ["complete", "complete"]
