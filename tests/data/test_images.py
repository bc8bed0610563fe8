import pickle
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.images import Images, check_index, read_images, write_images
from pipeline.errors import PipelineError


def test_what_is_written_in_parts_is_read_as_one_array(tmp_path: Path, tiny_images: Images) -> None:
    parts = np.array_split(tiny_images.pixels, [3, 3, 10])
    write_images(tmp_path / "arm", parts, tiny_images.index, tiny_images.preparation)
    read = read_images(tmp_path / "arm")
    np.testing.assert_array_equal(read.pixels, tiny_images.pixels)
    assert isinstance(read.pixels, np.memmap)
    assert read.index.equals(tiny_images.index)
    assert read.preparation == {"made": "in a test"}


def test_the_same_images_give_the_same_bytes(tmp_path: Path, tiny_images: Images) -> None:
    write_images(tmp_path / "one", [tiny_images.pixels], tiny_images.index, {})
    write_images(tmp_path / "two", np.split(tiny_images.pixels, 4), tiny_images.index, {})
    for name in ("images.npy", "index.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("count", [23, 25])
def test_images_that_do_not_match_the_index_leave_nothing_behind(
    tmp_path: Path, tiny_images: Images, count: int
) -> None:
    parts = [tiny_images.pixels[[i % 24]] for i in range(count)]
    with pytest.raises(PipelineError):
        write_images(tmp_path / "arm", parts, tiny_images.index, {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_cut_short_is_refused(tmp_path: Path, tiny_images: Images) -> None:
    write_images(tmp_path / "arm", [tiny_images.pixels], tiny_images.index, {})
    array = tmp_path / "arm" / "images.npy"
    array.write_bytes(array.read_bytes()[:-100])
    with pytest.raises(PipelineError, match=r"images\.npy is not a whole array file"):
        read_images(tmp_path / "arm")


def test_a_missing_arm_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="dvc repro"):
        read_images(tmp_path / "arm")


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("id", 1, "image_00", "'image_00' stands in more than one row"),
        ("split", 0, "training", "split 'training'"),
        ("label", 20, 2, "label 2"),
        ("label", 0, 1, "the training image 'image_00' is abnormal"),
        ("group", 23, "patient_00", "group 'patient_00' is in the splits test, train"),
    ],
)
def test_an_index_that_breaks_the_contract_is_refused(
    tiny_images: Images, column: str, row: int, value: object, message: str
) -> None:
    index = tiny_images.index.copy()
    index.loc[row, column] = value
    with pytest.raises(PipelineError, match=message):
        check_index(index, "index.csv")


def test_rows_are_chosen_by_split_and_label(tiny_images: Images) -> None:
    assert tiny_images.rows("test", label=1).tolist() == list(range(16, 24))
    assert tiny_images.rows("val").tolist() == list(range(8, 12))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("index.csv", content) for content in (b"", b"\xff\xfe\x00", "id,Tumör\n".encode("latin-1"))),
        ("index.csv", b"id,split,label,findings,group,source,x,y\na,test,0,,p,s,0\n"),
        ("index.csv", b"id,split,label,findings,group,source,x,y\na,test,0,,p,s,0,left\n"),
        *(("preparation.json", content) for content in (b"", b"\xff\xfe\x00", b"{", b"[1, 2]")),
        ("images.npy", pickle.dumps({"a": 1})),
        ("images.npy", b""),
    ],
)
def test_a_damaged_file_is_named_with_what_to_run(
    tmp_path: Path, tiny_images: Images, name: str, content: bytes
) -> None:
    write_images(tmp_path / "arm", [tiny_images.pixels], tiny_images.index, {})
    (tmp_path / "arm" / name).write_bytes(content)
    with pytest.raises(PipelineError, match=rf"{name}.*: run `dvc repro`, whose earlier stages prepare the arm$") as e:
        read_images(tmp_path / "arm")
    assert "allow_pickle" not in str(e.value)
