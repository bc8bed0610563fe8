import numpy as np
import pandas as pd
import pytest

from pipeline.data.folders.containers import find_file, list_images, name_of, split_path, unpacked_files
from pipeline.data.folders.layout import COLUMNS
from pipeline.errors import PipelineError
from tests.data.folders.layouts.shared import drawn, settings_for

PATHS = ["a/train.mat", "a/b/test.mat", "ab/train.mat", "a/all.tar.gz", "a/all.tar.gz/test.mat"]
INVENTORY = pd.DataFrame({"path": PATHS})


def test_names_sort_as_numbers_do() -> None:
    names = [name_of(number) for number in range(0, 110_000, 77)]
    assert names == sorted(names)
    assert names[1] == "000077"


def test_a_source_is_a_file_and_a_name_in_it() -> None:
    assert split_path("some/folder/train.mat/000017") == ("some/folder/train.mat", "000017")


@pytest.mark.parametrize(
    ("part", "files"),
    [
        ("", ["a/train.mat", "a/b/test.mat", "ab/train.mat", "a/all.tar.gz"]),
        ("a", ["a/train.mat", "a/b/test.mat", "a/all.tar.gz"]),
        ("a/b/", ["a/b/test.mat"]),
        ("b", []),
    ],
)
def test_the_files_of_a_part_are_those_below_it_that_are_not_packed(part: str, files: list[str]) -> None:
    assert unpacked_files(INVENTORY, settings_for("svhn", "0", part=part)) == files


def test_a_file_is_found_by_its_name(tmp_path) -> None:
    assert find_file(tmp_path, PATHS[:2], "test.mat", "put it there") == "a/b/test.mat"
    with pytest.raises(PipelineError, match=r"holds no file val\.mat: put it there and run `make check-data`$"):
        find_file(tmp_path, PATHS, "val.mat", "put it there")
    with pytest.raises(PipelineError, match=r"^a/train\.mat and ab/train\.mat have the same name: name the folder"):
        find_file(tmp_path, PATHS, "train.mat", "put it there")


def test_images_are_listed_by_class_with_the_checksum_of_their_pixels(tmp_path) -> None:
    one, two = drawn(2, 5, 4)
    images = [("f/0", "train", "cat", one), ("f/1", "train", "dog", two), ("g/0", "test", "cat", one)]
    table = list_images(images, ["cat"], tmp_path)
    assert table.columns.tolist() == COLUMNS
    assert table["id"].tolist() == ["f/0", "f/1", "g/0"]
    assert table["label"].tolist() == [0, 1, 0]
    assert table["findings"].tolist() == ["", "dog", ""]
    assert table["md5"][0] == table["md5"][2] != table["md5"][1]
    # whatever the order in memory
    assert (
        list_images([("f/0", "train", "cat", np.asfortranarray(one))], ["cat"], tmp_path)["md5"][0] == table["md5"][0]
    )
    with pytest.raises(PipelineError, match="has no image of the class 'bird'"):
        list_images(images, ["bird"], tmp_path)
