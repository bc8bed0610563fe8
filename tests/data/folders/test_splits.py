from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.folders.page import count_table, split_page
from pipeline.data.folders.settings import Collection
from pipeline.data.folders.splits import grouped, warnings_of
from pipeline.data.patient_key import patient_key, pseudonym
from pipeline.errors import PipelineError
from tests.data.dicoms import drawn as dicom
from tests.data.folders.conftest import listed, splits, write_images

TEST = ("test/good/t_1.png", "test/bad/t_2.png")
MVTEC = {"layout": "mvtec"}
BY_NAME = {"groups": r"([a-z]+\d*)_", "unit": "patient"}


def patients(count: int, images: int = 2) -> list[str]:
    return [f"train/good/p{patient}_{number}.png" for patient in range(count) for number in range(images)]


def test_a_share_of_the_training_groups_is_held_out_whole(root: Path) -> None:
    write_images(root, *patients(60), "test/good/x_1.png", "test/bad/y_2.png")
    table = listed(root, **MVTEC, **BY_NAME, validation_share=0.3)
    by_split = table.groupby("split")["group"].unique().map(set)
    assert 8 <= len(by_split["val"]) <= 28
    assert not by_split["val"] & by_split["train"]
    assert table.groupby("group")["split"].nunique().max() == 1


def test_a_group_is_held_out_whatever_others_there_are(root: Path, tmp_path: Path) -> None:
    write_images(root, *patients(30), "test/good/x_1.png", "test/bad/y_2.png")
    (other := tmp_path / "other").mkdir()
    write_images(other, *patients(20), "test/good/x_1.png", "test/bad/y_2.png")
    many, few = (listed(folder, **MVTEC, **BY_NAME, validation_share=0.3) for folder in (root, other))
    pd.testing.assert_series_equal(many.loc[few.index, "split"], few["split"])


def test_a_group_that_the_test_shows_is_not_trained_on(root: Path) -> None:
    write_images(root, *patients(3), "test/good/p1_7.png", "test/bad/y_2.png")
    table = listed(root, **MVTEC, **BY_NAME, validation_share=0.0)
    assert table.loc["train/good/p1_0.png", "left_out"] == "patient also in val or test, dropped from train"
    assert {name for name in splits(table) if "train" in name} == {*patients(3)} - {*patients(2)[2:]}


def test_a_pattern_has_to_match_every_image(root: Path) -> None:
    write_images(root, *patients(3), *TEST, "train/good/9.png")
    with pytest.raises(PipelineError, match=r"does not match 'train/good/9\.png': let it match all"):
        listed(root, **MVTEC, **BY_NAME)


def write_dicoms(root: Path, patients: dict[str, str | None]) -> None:
    for number, (name, patient) in enumerate(patients.items()):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(dicom(np.full((8, 8), number, np.uint16), PatientID=patient))


ON_BOTH_SIDES = {
    "train/good/1.dcm": "Smith",
    "train/good/2.dcm": "Jones",
    "train/good/3.dcm": None,
    "test/good/4.dcm": "Smith",
    "test/bad/5.dcm": "Miller",
}


@pytest.mark.usefixtures("in_folder")
def test_dicom_files_tell_their_patients_by_a_keyed_hash(root: Path) -> None:
    write_dicoms(root, ON_BOTH_SIDES)
    table = listed(root, **MVTEC, validation_share=0.0)
    smith = table.loc["test/good/4.dcm", "group"]
    assert smith == pseudonym("Smith", patient_key())
    assert table.loc["train/good/1.dcm", ["group", "left_out"]].tolist() == [
        smith,
        "group also in val or test, dropped from train",
    ]
    assert table.loc["train/good/3.dcm", "group"] == "train/good/3.dcm"
    dropped, few = warnings_of(table.reset_index())
    assert dropped == "1 images are not used: group also in val or test, dropped from train"
    assert few.endswith("raise collection.validation_share, unless scores are enough")


@pytest.mark.usefixtures("in_folder")
def test_a_pattern_goes_before_the_patients_of_dicom_files(root: Path) -> None:
    write_dicoms(root, ON_BOTH_SIDES)
    table = listed(root, **MVTEC, groups=r"(\d)\.dcm", validation_share=0.0)
    assert [*table["group"]] == ["5", "4", "1", "2", "3"]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(", "no regular expression"),
        ("(a{99999999999999})", "no regular expression"),
        ("(" * 2000 + ")" * 2000, "no regular expression"),
        ("p_", "has no bracket: put one"),
    ],
)
def test_a_pattern_that_can_name_no_group_is_refused_before_work(pattern: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Collection(layout="mvtec", groups=pattern)


@pytest.mark.parametrize("key", ["part", "file"])
@pytest.mark.parametrize("path", ["/elsewhere/x", "../x", "a/../../x"])
def test_a_path_that_leaves_the_collection_is_refused_before_work(key: str, path: str) -> None:
    with pytest.raises(ValueError, match=r"leaves the collection's folder: name what is in it"):
        Collection.model_validate({"layout": "mvtec", key: path})


def test_a_part_of_a_table_is_refused_before_work() -> None:
    with pytest.raises(ValueError, match="the paths of a table are of the whole folder: leave it empty"):
        Collection(layout="table", part="scans")


def test_without_a_pattern_each_image_is_a_group_and_it_is_said(root: Path) -> None:
    write_images(root, *patients(4), *TEST)
    table = listed(root, **MVTEC).reset_index()
    assert not grouped(table)
    assert "those that do may be on both sides" in warnings_of(table)[-1]
    page = split_page(table, "mine", "group")
    assert "Each image counts as a group of its own." in page
    assert "those that do may be on both sides" in page
    known = split_page(listed(root, **MVTEC, **BY_NAME).reset_index(), "mine", "patient")
    assert "No patient is on two sides." in known
    assert "both sides" not in known


def test_files_among_the_images_that_are_no_pictures_are_counted_and_said(root: Path) -> None:
    write_images(root, *patients(4), *TEST)
    for name in ("notes.txt", "train/good/notes.txt", "test/bad/.hidden", "test/bad/scores.csv"):
        (root / name).write_text("mine", encoding="utf-8")
    *_, said = warnings_of(listed(root, **MVTEC, **BY_NAME).reset_index())
    assert said == "files passed over since they are no pictures that are read: 2, such as test/bad/scores.csv"


def test_equal_content_in_two_splits_or_with_two_labels_is_refused_with_both_names(root: Path) -> None:
    write_images(root, *patients(3), *TEST)
    (root / "test/bad/copy.png").write_bytes((root / "train/good/p0_0.png").read_bytes())
    with pytest.raises(PipelineError, match=r"test/bad/copy\.png and train/good/p0_0\.png have the same content"):
        listed(root, **MVTEC)


def test_an_accent_may_be_a_character_of_its_own_in_a_folders_name(root: Path) -> None:
    images = [f"train/good/andr{accent}_{number}.png" for number, accent in enumerate(("\u00e9", "e\u0301"))]
    write_images(root, *images, *patients(3), *TEST, "test/f\u00eal\u00e9/z_1.png", "test/fe\u0302le\u0301/z_2.png")
    table = listed(root, **MVTEC, groups=r"(\w[^/_]*)_", normal=("good", "fe\u0302l\u00e9"))
    assert len({*table.loc[images, "group"]}) == 1
    assert splits(table)["test/fe\u0302le\u0301/z_2.png"] == ("test", 0, "")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "has the class '=1\\+1', which would be a formula in a spreadsheet: let its name begin with a letter"),
        ({"groups": r"([^/]*)\.png$"}, r"test/bad/=2\.png, column group: '=2' would be a formula in a spreadsheet"),
    ],
)
def test_a_class_or_group_that_a_spreadsheet_would_compute_is_refused(
    root: Path, settings: dict[str, Any], says: str
) -> None:
    write_images(root, *patients(3), *TEST, "test/bad/=2.png" if settings else "test/=1+1/9.png")
    with pytest.raises(PipelineError, match=says):
        listed(root, **MVTEC, **settings)


def test_folders_without_a_picture_are_refused(root: Path) -> None:
    (root / "train/good").mkdir(parents=True)
    (root / "train/good/1.gif").write_bytes(b"GIF89a")
    with pytest.raises(PipelineError, match=r"has no image of any class: check collection\.layout and part$"):
        listed(root, **MVTEC)


def test_a_copy_within_a_split_counts_once_with_a_warning(root: Path) -> None:
    write_images(root, *patients(3), *TEST)
    (root / "test/bad/t_3.png").write_bytes((root / "test/bad/t_2.png").read_bytes())
    table = listed(root, **MVTEC).reset_index()
    assert "1 images are copies of others" in warnings_of(table)[0]
    assert "same content as another image" in split_page(table, "mine", "group")


def test_a_copy_of_a_training_image_counts_once_whatever_is_held_out(root: Path) -> None:
    write_images(root, *patients(20, 1), *TEST)
    for name in patients(20, 1):
        (root / name.replace("_0", "_1")).write_bytes((root / name).read_bytes())
    used = splits(listed(root, **MVTEC, validation_share=0.5))
    assert {*used} == {*patients(20, 1), *TEST}
    assert {"train", "val"} < {split for split, _, _ in used.values()}


def test_names_that_differ_in_case_only_are_two_images(root: Path) -> None:
    write_images(root, *patients(3), *TEST, "test/bad/A.png", "test/bad/a.png", "test/bad/a.PNG")
    assert len(splits(listed(root, **MVTEC))) == 11


def test_counts_add_up_to_the_collection(root: Path) -> None:
    write_images(root, *patients(20), *TEST, "train/loose.png", "train/bad/q_1.png")
    table = listed(root, **MVTEC, **BY_NAME).reset_index()
    counts = count_table(table)
    assert counts.loc[counts["finding"] == "all", "images"].sum() == len(table) == 44
    assert counts.loc[counts["finding"] == "bad", ["split", "images", "groups"]].to_numpy().tolist() == [["test", 1, 1]]


def test_counts_hold_whole_numbers_alone_where_every_image_is_used(root: Path) -> None:
    write_images(root, *patients(3), *TEST)
    assert "1.0" not in count_table(listed(root, **MVTEC).reset_index()).to_csv()
