from pathlib import Path
from typing import Any

import pytest

from pipeline.data.folders.new_arm import SIGNS, adapted
from pipeline.data.folders.settings import OF_CLASSES, Collection, Settings
from pipeline.data.kinds import Adapted, with_values
from pipeline.errors import PipelineError
from tests.shipped import shipped_arm

TREES: dict[str, list[str]] = {
    "mvtec": ["train/good/1.png", "test/good/1.png", "test/crack/1.png", "ground_truth/crack/1.png"],
    "bmad": ["train/good/1.png", "valid/good/img/1.png", "valid/Ungood/img/1.png", "test/good/1.png"],
    "medianomaly": ["images/1.png", "data.json"],
    "table": ["scans/1.png", "images.csv"],
    "cifar10": ["cifar-10-batches-bin/data_batch_1.bin"],
    "svhn": ["train_32x32.mat", "test_32x32.mat"],
    "medmnist": ["pneumoniamnist_64.npz"],
}
PER_CLASS = {"collection.normal": ["5"]}


def plant(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("path,split,label\n" if path.endswith(".csv") else "")
    return root


def settings_of(**collection: Any) -> Settings:
    values = {f"collection.{key}": value for key, value in collection.items()}
    return with_values(shipped_arm("images").data_as(Settings), values)


def adapt(root: Path, given: dict[str, Any] | None = None, **collection: Any) -> Adapted:
    return adapted("mine", settings_of(**collection), root, given or {})


def test_every_layout_has_a_sign() -> None:
    assert {*SIGNS} == {*TREES} == {*Collection.model_json_schema()["properties"]["layout"]["enum"]}


@pytest.mark.parametrize("layout", TREES)
def test_a_layout_is_known_by_its_tree(tmp_path: Path, layout: str) -> None:
    given = PER_CLASS if layout in OF_CLASSES else {}
    other = "bmad" if layout == "mvtec" else "mvtec"
    found = adapt(plant(tmp_path, *TREES[layout]), given, layout=other, validation_anomalies=["ill"], groups="(.)")
    assert found.changes == {
        "collection.layout": layout,
        "collection.validation_anomalies": [],
        "collection.groups": None,
    }
    assert found.said == [f"its layout is taken for that of {layout}, since there is {SIGNS[layout]}"]


@pytest.mark.parametrize("layout", TREES)
def test_a_layout_that_fits_is_kept_with_its_words(tmp_path: Path, layout: str) -> None:
    root = plant(tmp_path, *TREES[layout])
    normal = ["good"] if layout in ("mvtec", "bmad") else ["7"]
    assert adapt(root, layout=layout, normal=normal, validation_anomalies=["8"]).changes == {}


@pytest.mark.parametrize("layout", OF_CLASSES)
def test_which_class_is_normal_has_to_be_given_where_any_can_be(tmp_path: Path, layout: str) -> None:
    root = plant(tmp_path, *TREES[layout])
    with pytest.raises(PipelineError, match=rf"as that of {layout}, .*: name those that are by --set 'collection\.nor"):
        adapt(root)
    assert adapt(root, PER_CLASS).changes["collection.layout"] == layout


def test_folders_of_another_word_for_normal_are_known_where_it_is_given_or_the_other_arms(tmp_path: Path) -> None:
    root = plant(tmp_path, "train/healthy/1.png", "test/healthy/1.png", "test/ill/1.png")
    with pytest.raises(PipelineError, match="is laid out in no way that is known: describe its images in a CSV"):
        adapt(root)
    assert adapt(root, {"collection.normal": ["healthy"]}).changes == {}
    assert adapt(root, normal=["healthy"]).changes == {}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"path;split;label\n", "has no column path; it seems to be separated by semicolons, not commas"),
        (b"path\tsplit\tlabel\n", "has no column path; it seems to be separated by tabs, not commas"),
        (b"path,split\n", "has no column label"),
        ("path\u200b,split,label\n".encode(), r"has no column path; its column 'path\\u200b' holds a .*: remove it"),
        ("path,split,label\n".encode("utf-16"), "is not UTF-8: save it again as CSV UTF-8"),
    ],
)
def test_what_is_wrong_with_a_csv_that_describes_nothing_is_said(tmp_path: Path, content: bytes, says: str) -> None:
    root = plant(tmp_path, "a.png")
    (root / "mine.csv").write_bytes(content)
    with pytest.raises(PipelineError, match=rf"in no way that is known \(mine\.csv {says}\): describe"):
        adapt(root)


@pytest.mark.parametrize("paths", [["train/good/"], ["train/good/", "notes.txt"], ["good/notes.txt", "mask.npy"], []])
def test_a_folder_without_any_image_is_said_to_hold_none(tmp_path: Path, paths: list[str]) -> None:
    for path in paths:
        plant(tmp_path, *([] if path.endswith("/") else [path]))
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            (tmp_path / path).mkdir(parents=True)
    with pytest.raises(
        PipelineError, match=r"holds no image, in no folder below it, either: put images there, whose na"
    ):
        adapt(tmp_path)


def test_brats_own_folders_are_medianomalys(tmp_path: Path) -> None:
    root = plant(tmp_path, "train/1.png", "test/normal/1.png", "test/tumor/1.png")
    assert adapt(root).changes["collection.layout"] == "medianomaly"


def test_a_description_comes_before_what_folders_look_like_but_not_before_the_other_arms_layout(tmp_path: Path) -> None:
    root = plant(tmp_path, *TREES["bmad"], *TREES["table"])
    assert adapt(root).changes["collection.layout"] == "table"
    assert adapt(root, layout="bmad").changes == {}


def test_one_folder_that_is_laid_out_is_the_part_and_of_several_one_is_to_be_named(tmp_path: Path) -> None:
    plant(tmp_path / "bottle", *TREES["mvtec"])
    plant(tmp_path, "license.txt", "notes/1.txt")
    assert adapt(tmp_path).changes == {"collection.part": "bottle"}
    assert adapt(tmp_path, part="bottle").changes == {}
    assert adapt(tmp_path, part="cable").changes == {"collection.part": "bottle"}  # of the other collection
    plant(tmp_path / "cable", *TREES["mvtec"])
    with pytest.raises(PipelineError, match=r"holds 2 collections laid .* mvtec: name one, as --set collection\.part="):
        adapt(tmp_path)
    assert adapt(tmp_path, {"collection.part": "cable"}).changes == {}


def test_a_layout_that_is_given_is_not_doubted(tmp_path: Path) -> None:
    found = adapt(plant(tmp_path, "anything.png"), {"collection.layout": "bmad"}, groups="(.)")
    assert (found.changes, found.said) == ({"collection.groups": None}, [])


@pytest.mark.parametrize(
    ("name", "like", "file"),
    [("images.csv", None, None), ("mine.csv", None, "mine.csv"), ("mine.csv", "theirs.csv", "mine.csv")],
)
def test_a_csv_of_another_name_is_named(tmp_path: Path, name: str, like: str | None, file: str | None) -> None:
    found = adapt(plant(tmp_path, name), layout="table", file=like)
    assert found.changes.get("collection.file", like) == file


def test_of_several_files_that_might_be_the_collection_one_is_to_be_named(tmp_path: Path) -> None:
    root = plant(tmp_path, "a.npz", "b.npz")
    with pytest.raises(PipelineError, match=r"holds 2 npz files: name one, as --set collection\.file=a\.npz"):
        adapt(root, PER_CLASS)
    assert adapt(root, layout="medmnist", normal=["0"], file="b.npz").changes == {}
    plant(tmp_path / "tables", "a.csv", "b.csv")
    with pytest.raises(PipelineError, match=r"holds a\.csv and b\.csv, .* --set collection\.file=FILE$"):
        adapt(tmp_path / "tables")


def test_stains_of_another_collections_image_are_to_be_given_anew(tmp_path: Path) -> None:
    root = plant(tmp_path, *TREES["mvtec"])
    stains = {"prepare_folder.colour": True, "prepare_folder.stain": {"target": "train/good/9.png"}}
    stained = with_values(settings_of(), stains)
    with pytest.raises(PipelineError, match=r"has no train/good/9\.png, .* by --set prepare_folder\.stain\.target="):
        adapted("mine", stained, root, {})
    for given in ({"prepare_folder.stain": None}, {"prepare_folder.stain.target": "train/good/1.png"}):
        assert adapted("mine", stained, root, given).changes == {}
    plant(root, "train/good/9.png")
    assert adapted("mine", stained, root, {}).changes == {}


def test_a_table_is_of_the_whole_folder_whatever_part_the_other_arm_is_of(tmp_path: Path) -> None:
    root = plant(tmp_path, *TREES["table"], "scans/images.csv")
    assert adapt(root, part="scans").changes == {"collection.layout": "table", "collection.part": ""}
    assert adapt(root, {"collection.layout": "table"}, part="scans").changes == {"collection.part": ""}


def test_files_are_looked_for_in_the_part(tmp_path: Path) -> None:
    root = plant(tmp_path, "part/a.npz", "b.npz", "c.npz")
    found = adapt(root, PER_CLASS | {"collection.part": "part"}, layout="medmnist", normal=["5"], file="a.npz")
    assert found.changes == {}


@pytest.mark.parametrize("normal", ["good", ["good", 0], None, 0])
def test_normal_classes_that_are_no_list_of_words_are_refused(tmp_path: Path, normal: object) -> None:
    root = plant(tmp_path, *TREES["mvtec"])
    with pytest.raises(PipelineError, match=r"collection\.normal is no list of words: write it as --set"):
        adapt(root, {"collection.normal": normal})
