import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PipelineError
from tests.data.folders.conftest import listed, splits, write_images

LISTS: dict[str, Any] = {"train": {"0": ["a.png", "b.png"]}, "test": {"0": ["c.png"], "1": ["d.png", "e.png"]}}
ALL = {"layout": "medianomaly", "validation_share": 0.0}


def write(root: Path, lists: Any = LISTS, images: str = "abcde") -> None:
    write_images(root, *(f"images/{name}.png" for name in images))
    (root / "data.json").write_text(lists if isinstance(lists, str) else json.dumps(lists))


def test_the_list_says_split_and_label(root: Path) -> None:
    write(root, images="abcdex")
    table = listed(root, **ALL)
    assert splits(table) == {
        "images/a.png": ("train", 0, ""),
        "images/b.png": ("train", 0, ""),
        "images/c.png": ("test", 0, ""),
        "images/d.png": ("test", 1, "1"),
        "images/e.png": ("test", 1, "1"),
    }
    assert table.loc["images/x.png", "left_out"] == "not in data.json"


def test_unlabelled_training_images_are_not_used(root: Path) -> None:
    write(root, LISTS | {"train": {"0": ["a.png"], "unlabeled": {"0": ["b.png"], "1": ["x.png"]}}}, "abcdex")
    table = listed(root, **ALL)
    assert [*splits(table)] == [f"images/{name}.png" for name in "acde"]
    assert table.loc["images/x.png", "left_out"] == "unlabelled training image"


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        (
            LISTS | {"test": {"0": ["c.png", "d.png"], "1": ["d.png"]}},
            "'d.png' under test 0 and under test 1: remove it",
        ),
        (
            LISTS | {"test": {"0": ["c.png"], "1": ["d.png", "a.png"]}},
            "'a.png' under test 1 and under train 0: remove it",
        ),
        ({"train": {"0": ["a.png"]}}, r"data\.json does not list .* by class: test: is missing"),
        (LISTS | {"test": ["c.png"]}, r"data\.json does not list"),
        ("{", r"data\.json does not list"),
        (
            LISTS | {"test": {"0": ["c.png"], "1": ["d.png", "gone.png"]}},
            r"1 of 5 images have no file, such as gone\.png",
        ),
    ],
)
def test_a_list_that_contradicts_itself_or_the_images_is_one_sentence(root: Path, lists: Any, says: str) -> None:
    write(root, lists)
    with pytest.raises(PipelineError, match=says):
        listed(root, **ALL)


def test_without_a_list_training_images_are_normal_and_annotations_are_no_images(root: Path) -> None:
    write_images(root, "train/a.png", "train/b.png", "test/normal/c.png", "test/tumor/d.png", "test/annotation/d.png")
    assert splits(listed(root, **ALL)) == {
        "train/a.png": ("train", 0, ""),
        "train/b.png": ("train", 0, ""),
        "test/normal/c.png": ("test", 0, ""),
        "test/tumor/d.png": ("test", 1, "tumor"),
    }
