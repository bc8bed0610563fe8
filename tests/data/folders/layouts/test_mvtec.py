import re
from pathlib import Path

import pytest

from pipeline.data.folders.files import IN_NO_CLASS, NO_PICTURE
from pipeline.errors import PipelineError
from tests.data.folders.conftest import listed, splits, write_images

NAMES = ("train/good/000.png", "train/good/001.png", "test/good/000.png", "test/crack/000.png", "test/hole/000.png")
HALF = {"layout": "mvtec", "validation_share": 0.0}


def test_the_folders_say_split_and_class(root: Path) -> None:
    write_images(root, *NAMES, "ground_truth/crack/000_mask.png")
    assert splits(listed(root, **HALF)) == {
        "train/good/000.png": ("train", 0, ""),
        "train/good/001.png": ("train", 0, ""),
        "test/good/000.png": ("test", 0, ""),
        "test/crack/000.png": ("test", 1, "crack"),
        "test/hole/000.png": ("test", 1, "hole"),
    }


def test_an_arm_may_be_of_one_part_of_a_collection(root: Path) -> None:
    write_images(root, *(f"{part}/{name}" for part in ("bottle", "bottles") for name in NAMES))
    table = listed(root, **HALF, part="bottle")
    assert {name.split("/")[0] for name in table.index} == {"bottle"}
    with pytest.raises(PipelineError, match=r"has no files in 'cable': collection.part must name one of its folders"):
        listed(root, **HALF, part="cable")


def test_other_classes_may_be_normal_and_other_folders_deeper(root: Path) -> None:
    write_images(root, *NAMES, "test/crack/deep/1.png")
    found = splits(listed(root, **HALF, normal=("good", "crack")))
    assert found["test/crack/000.png"] == found["test/crack/deep/1.png"] == ("test", 0, "")
    with pytest.raises(
        PipelineError, match=r"no image of the class 'goood': collection.normal must be of crack, good, h"
    ):
        listed(root, **HALF, normal=("goood",))


def test_abnormal_training_images_choose_if_they_are_named_and_are_left_out_else(root: Path) -> None:
    write_images(root, *NAMES, "train/hole/001.png", "train/crack/001.png")
    table = listed(root, **HALF, validation_anomalies=("hole",))
    assert splits(table)["train/hole/001.png"] == ("val", 1, "hole")
    assert table.loc["train/crack/001.png", "left_out"] == "abnormal image of the training split"
    with pytest.raises(
        PipelineError, match=r"no training image of the class 'holes'.*must be of those that there are, cr"
    ):
        listed(root, **HALF, validation_anomalies=("holes",))


def test_what_is_no_image_of_a_class_is_listed_with_a_reason(root: Path) -> None:
    write_images(root, *NAMES, "train/loose.png")
    (root / "train/good/notes.txt").write_text("mine")
    (root / "test/crack/more.zip").write_bytes(b"PK")
    (root / "readme.txt").write_text("yours")
    table = listed(root, **HALF)
    assert table.loc["train/loose.png", "left_out"] == IN_NO_CLASS
    assert {*table.index[table["left_out"] == NO_PICTURE]} == {"train/good/notes.txt", "test/crack/more.zip"}
    assert "readme.txt" not in table.index


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("train/good/", "no normal image is in train"),
        ("test/good/", "no normal image is in test"),
        ("test/(crack|hole)/", "no abnormal image is in test"),
    ],
)
def test_an_empty_class_is_one_sentence(root: Path, missing: str, says: str) -> None:
    write_images(root, *(name for name in NAMES if not re.match(missing, name)))
    with pytest.raises(PipelineError, match=f"{says}: check collection.layout"):
        listed(root, **HALF)


def test_folders_of_another_layout_are_one_sentence(root: Path) -> None:
    write_images(root, "a/1.png", "b/2.png")
    with pytest.raises(
        PipelineError, match="none of the folders train, val, validation, test: is it laid out otherwise"
    ):
        listed(root, **HALF)
