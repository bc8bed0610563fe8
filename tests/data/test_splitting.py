"""What is said of a split, whatever the images are."""

import pandas as pd

from pipeline.data.splitting import FEWEST_HELD_OUT, separate_groups, split_warnings
from pipeline.evaluation.calibration import fewest_normals

KEY = "collection.validation_share"


def table_of(held_out: int, **changes: list[str]) -> pd.DataFrame:
    """A training image and some held-out ones, each of a group of its own."""
    groups = ["learnt", *(f"held-out {number}" for number in range(held_out))]
    split = ["train"] + ["val"] * held_out
    table = pd.DataFrame({"id": groups, "group": groups, "split": split, "label": 0, "left_out": ""})
    return table.assign(**changes)


def test_a_split_with_nothing_to_say_of_has_no_warning() -> None:
    assert split_warnings(table_of(FEWEST_HELD_OUT), KEY) == []


def test_too_few_held_out_to_flag_by_is_said_with_what_to_raise() -> None:
    assert fewest_normals(0.05) == FEWEST_HELD_OUT
    (warning,) = split_warnings(table_of(FEWEST_HELD_OUT - 1), KEY)
    assert warning == (
        "normal images of 18 patients or other groups are held out, and to flag new images at 5 % a model needs 19: "
        "raise collection.validation_share, unless scores are enough"
    )


def test_two_images_of_one_patient_are_one_that_is_held_out() -> None:
    table = table_of(FEWEST_HELD_OUT)
    table.loc[1, "group"] = table.loc[2, "group"]
    assert "images of 18 patients" in split_warnings(table, KEY)[0]


def test_images_that_a_later_split_drops_are_counted() -> None:
    table = table_of(FEWEST_HELD_OUT + 2)
    table["group"] = table["group"].replace({"held-out 0": "learnt"})
    table.loc[[2, 3], "split"] = ["test", "val"]
    table.loc[3, "group"] = table.loc[2, "group"]
    assert split_warnings(separate_groups(table, "patient"), KEY) == [
        "1 images are not used: patient also in test, dropped from val",
        "1 images are not used: patient also in val or test, dropped from train",
    ]
