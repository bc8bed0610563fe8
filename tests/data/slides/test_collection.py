from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.inventory import EMPTY, make_inventory
from pipeline.data.slides.collection import check_collection, hold_out, read_collection, use_content_once
from pipeline.data.slides.slide_record import SlideRecord
from pipeline.errors import PipelineError
from tests.shipped import shipped_slides


@pytest.fixture
def settings():
    return shipped_slides("demo_slides").collection


def record(name: str, role: str = "train", group: str = "") -> SlideRecord:
    return SlideRecord(name, f"{name}.tif", role, "", group or name)


def held_out(records: list[SlideRecord]) -> set[str]:
    return {record.name for record in records if record.role == "val_normal"}


def test_a_share_of_the_training_slides_is_held_out(settings):
    records = [record(f"normal_{i:03}") for i in range(20)] + [record("test", "test_normal")]
    result = hold_out(records, settings)
    assert [one.name for one in result] == [one.name for one in records]
    assert len(held_out(result)) == 4
    assert result[-1].role == "test_normal"


def test_one_slide_more_moves_at_most_one_other(settings):
    records = [record(f"normal_{i:03}") for i in range(20)]
    before, after = held_out(hold_out(records, settings)), held_out(hold_out([*records, record("new")], settings))
    assert len(before - after) <= 1


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.floats(0, 0.99))
def test_groups_are_held_out_whole_and_something_is_left_to_train_on(patients, share):
    records = [record(f"slide_{i}", group=f"patient {patient}") for i, patient in enumerate(patients)]
    result = hold_out(records, FixedShare(share))
    check_collection(result, Path("data"), "arm")
    groups = {one.group for one in result if one.role == "val_normal"}
    assert bool(groups) == (share > 0 and len(set(patients)) > 1)


class FixedShare:
    seed = 0

    def __init__(self, share: float) -> None:
        self.validation_share = share


@pytest.mark.parametrize(
    ("records", "what"),
    [
        ([record("a"), record("b", "test_normal", group="a")], "the group 'a' is used for train and for test"),
        ([record("a"), record("a", "test_normal")], "two slides are called a"),
        ([record("a", "test_normal")], "has no slide of role train for demo_slides"),
    ],
)
def test_what_contradicts_itself_is_refused(records, what):
    with pytest.raises(PipelineError, match=what):
        check_collection(records, Path("data"), "demo_slides")


def test_an_unused_slide_may_have_any_group():
    check_collection([record("a"), SlideRecord("b", "b.tif", "", "", "a", "excluded")], Path("data"), "demo_slides")


COPIES = pd.DataFrame({"path": ["a.tif", "b.tif", "c.tif"], "md5": ["same", "same", "other"]})


@pytest.mark.parametrize("roles", [("train", "test_normal"), ("test_normal", "test_tumour"), ("train", "val_normal")])
def test_one_content_in_two_splits_or_with_two_labels_is_refused(roles):
    records = [record("a", roles[0]), record("b", roles[1]), record("c")]
    with pytest.raises(PipelineError, match=rf"a\.tif and b\.tif have the same content.*{roles[0]} and {roles[1]}"):
        use_content_once(records, COPIES, Path("data"))


def test_a_copy_within_its_split_is_left_out_and_unused_ones_disturb_nothing():
    records = [record("a"), record("b"), SlideRecord("c", "c.tif", "", "", "c", "excluded")]
    once = use_content_once(records, COPIES.assign(md5="same"), Path("data"))
    assert [(one.name, one.role, one.unused) for one in once] == [
        ("a", "train", ""),
        ("b", "", "same content as a"),
        ("c", "", "excluded"),
    ]


def test_empty_files_are_no_copies_of_each_other_and_fail_one_by_one():
    records = [record("a"), record("b", "test_normal"), record("c")]
    assert use_content_once(records, COPIES.replace({"md5": {"same": EMPTY}}), Path("data")) == records


@pytest.mark.parametrize("seed", range(8))
def test_copies_under_two_groups_are_never_on_two_sides(tmp_path, settings, seed):
    names = "abcd"
    (tmp_path / "table.csv").write_text(
        "path,role,annotation,group\n" + "".join(f"{name}.tif,train,,patient {name}\n" for name in names)
    )
    for name in names:
        (tmp_path / f"{name}.tif").write_text("same" if name in "ab" else name)
    inventory = make_inventory(tmp_path, tmp_path.parent / "inventory.csv", tmp_path.parent / "inventory.json")
    chosen = settings.model_copy(
        update={"table": "table.csv", "validation_tumour": (), "validation_share": 0.5, "seed": seed}
    )
    slides = hold_out([record(name, group=f"patient {name}") for name in names], chosen)
    if len({one.role for one in slides if one.name in "ab"}) == 2:
        with pytest.raises(PipelineError, match=r"a\.tif and b\.tif have the same content"):
            read_collection(tmp_path, inventory, chosen, "arm")
    else:
        roles = {one.name: one.role for one in read_collection(tmp_path, inventory, chosen, "arm")}
        assert roles["b"] == ""


def test_nothing_more_is_held_out_where_a_table_names_validation_slides(settings):
    records = [record(f"normal_{i:03}") for i in range(20)] + [record("chosen", "val_normal")]
    assert hold_out(records, settings) == records


def test_a_name_to_leave_out_that_no_slide_has_is_listed(tmp_path, settings):
    (tmp_path / "a.tif").write_bytes(b"slide")
    (tmp_path / "slides.csv").write_text("path,role,annotation,group\na.tif,train,,\n")
    inventory = make_inventory(tmp_path, tmp_path.parent / "inventory.csv", tmp_path.parent / "scratch.json")
    changed = settings.model_copy(update={"table": "slides.csv", "excluded": ("normal_27",)})
    missing = read_collection(tmp_path, inventory, changed, "x")[-1]
    assert (missing.name, missing.unused) == (
        "normal_27",
        "named in arms/x.yaml:collection.excluded, but there is no such slide",
    )


def test_a_table_takes_the_place_of_the_layout(tmp_path, settings):
    (tmp_path / "a.tif").write_bytes(b"slide")
    (tmp_path / "slides.csv").write_text("path,role,annotation,group\na.tif,train,,\n")
    inventory = make_inventory(tmp_path, tmp_path.parent / "inventory.csv", tmp_path.parent / "scratch.json")
    changed = settings.model_copy(update={"table": "slides.csv"})
    (found,) = read_collection(tmp_path, inventory, changed, "demo_slides")
    assert (found.name, found.role) == ("a", "train")


def test_a_missing_collection_is_named(tmp_path, settings):
    with pytest.raises(PipelineError, match="gone is missing"):
        read_collection(tmp_path / "gone", pd.DataFrame({"path": [], "bytes": []}), settings, "demo_slides")
