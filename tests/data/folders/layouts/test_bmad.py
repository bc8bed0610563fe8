from pathlib import Path

import pytest

from tests.data.folders.conftest import listed, splits, write_images

CLASSES = {
    "train/good": ("train", 0, ""),
    "valid/good": ("val", 0, ""),
    "valid/Ungood": ("val", 1, "Ungood"),
    "test/good": ("test", 0, ""),
    "test/Ungood": ("test", 1, "Ungood"),
}


@pytest.mark.parametrize("inner", ["", "img/"])
@pytest.mark.parametrize("mask", ["anomaly_mask", "label"])
def test_files_are_flat_or_in_img_and_masks_beside_them_are_no_images(root: Path, inner: str, mask: str) -> None:
    write_images(root, *(f"{folder}/{inner}{number}.png" for folder in CLASSES for number in range(3)))
    write_images(root, *(f"{folder}/{mask}/0.png" for folder in CLASSES))
    found = splits(listed(root, layout="bmad"))
    assert found == {f"{folder}/{inner}{number}.png": what for folder, what in CLASSES.items() for number in range(3)}


def test_the_published_validation_split_is_the_only_one(root: Path) -> None:
    write_images(root, *(f"{folder}/{number}.png" for folder in CLASSES for number in range(20)))
    table = listed(root, layout="bmad", validation_share=0.9)
    assert (table["split"] == "train").sum() == 20


@pytest.mark.parametrize("part", ["Brain_AD", "label"])
def test_the_folder_of_an_organ_may_be_called_as_it_likes(root: Path, part: str) -> None:
    write_images(root, *(f"{part}/{folder}/img/{number}.png" for folder in CLASSES for number in range(3)))
    write_images(root, f"{part}/test/Ungood/anomaly_mask/0.png")
    assert len(splits(listed(root, layout="bmad", part=part))) == 3 * len(CLASSES)
