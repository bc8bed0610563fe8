from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.tuning.folds import Fold, check_folds, deal, final_fold, kinds, known_anomalies, make_folds
from tests.tuning.conftest import ARM, arm_index, tune


def folds_of(index: pd.DataFrame, **changed: Any) -> list[Fold]:
    search = tune(**changed)
    return make_folds(index, known_anomalies(index, kinds(index, whole=None), search, ARM), search, ARM)


@st.composite
def indices(draw: st.DrawFn) -> pd.DataFrame:
    """Patients with normals and findings, in any number and order of rows."""
    rows = []
    patients = draw(st.lists(st.sampled_from(["train", "val", "test"]), min_size=0, max_size=30))
    for number, split in enumerate([*["train"] * 4, *["mass"] * 3, *patients]):
        name = f"patient_{number:02}"
        if split == "mass":
            rows += [("val", "Mass", name), ("val", "", name)]
            continue
        for _ in range(draw(st.integers(1, 3))):
            finding = "" if split == "train" else draw(st.sampled_from(["", "Mass", "Nodule"]))
            rows.append((split, finding, name))
    order = draw(st.permutations(range(len(rows))))
    index = pd.DataFrame([rows[k] for k in order], columns=["split", "findings", "group"])
    index["label"] = (index["findings"] != "").astype(int)
    return index.assign(id=[f"{k}.png" for k in range(len(rows))], source="a.png", x=0, y=0)


@given(indices(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_no_patient_is_on_two_sides_and_no_test_image_on_any(index: pd.DataFrame, seed: int) -> None:
    folds = folds_of(index, seed=seed)
    split, group, label = (index[name].to_numpy() for name in ("split", "group", "label"))
    for fold in folds:
        sides = [set(group[rows]) for rows in (fold.train, fold.held_out, fold.judged)]
        assert not sides[0] & sides[1]
        assert not (sides[0] | sides[1]) & sides[2]
        assert "test" not in set(split[np.concatenate([fold.train, fold.held_out, fold.judged])])
        assert not label[np.concatenate([fold.train, fold.held_out])].any()
    judged = np.concatenate([fold.judged for fold in folds])
    assert sorted(judged) == np.flatnonzero(split != "test").tolist()


@given(indices())
@settings(max_examples=30, deadline=None)
def test_folds_do_not_depend_on_the_order_of_rows(index: pd.DataFrame) -> None:
    other = index.sample(frac=1, random_state=0).reset_index(drop=True)
    for one, same in zip(folds_of(index), folds_of(other), strict=True):
        for name in ("train", "held_out", "judged"):
            assert set(index["id"].iloc[getattr(one, name)]) == set(other["id"].iloc[getattr(same, name)])


def test_a_fifth_of_the_training_patients_of_a_fold_is_held_out() -> None:
    index = arm_index()
    for fold in folds_of(index):
        held_out, train = (index["group"].iloc[rows].nunique() for rows in (fold.held_out, fold.train))
        assert held_out == -(-(held_out + train) // 5)


def test_every_fold_has_its_share_of_the_known_anomalies() -> None:
    index = arm_index()
    counts = [(index["findings"].iloc[fold.judged] == "Mass").sum() for fold in folds_of(index)]
    assert sorted(counts) == [1, 1, 2]


def test_without_cross_validation_every_run_has_the_splits_and_a_seed_of_its_own() -> None:
    index = arm_index()
    folds = folds_of(index, cross_validate=False, seed=5)
    assert [fold.seed for fold in folds] == [5, 6, 7]
    for fold in folds:
        assert set(index["split"].iloc[fold.judged]) == {"val"}
        assert set(index["split"].iloc[np.concatenate([fold.train, fold.held_out])]) == {"train"}
        assert len(fold.judged) == (index["split"] == "val").sum()


def test_the_final_training_has_all_training_normals_and_is_tested_on_the_test_split() -> None:
    index = arm_index()
    fold = final_fold(index, 3)
    assert len(fold.train) == 24
    assert set(index["split"].iloc[fold.judged]) == {"test"}
    assert (index["split"].iloc[fold.held_out] == "val").all()
    assert not index["label"].iloc[fold.held_out].any()


def test_the_kind_of_an_anomaly_is_its_findings_or_its_slide() -> None:
    index = arm_index().assign(source=lambda table: "training/tumor/" + table["group"] + ".tif")
    assert set(kinds(index, whole=None)) == {"", "Mass", "Nodule"}
    by_slide = kinds(index, whole="slide")
    assert by_slide[index["label"] == 1].tolist() == index["group"][index["label"] == 1].tolist()
    assert set(by_slide[index["label"] == 0]) == {""}


def test_only_named_validation_anomalies_may_choose() -> None:
    index = arm_index()
    known = known_anomalies(index, kinds(index, whole=None), tune(anomalies=["Nodule"]), ARM)
    assert set(index["findings"][known]) == {"Nodule"}
    assert set(index["split"][known]) == {"val"}


def test_cards_are_dealt_evenly_and_whole() -> None:
    groups = pd.Series([f"g{k // 3:02}" for k in range(33)])
    parts = deal(groups, 4, 0, "x")
    assert sorted(np.bincount(parts[::3]).tolist()) == [2, 3, 3, 3]
    assert (parts.reshape(11, 3) == parts[::3, None]).all()
    assert not np.array_equal(parts, deal(groups, 4, 1, "x"))


@pytest.mark.parametrize(
    ("index", "changed", "message"),
    [
        (
            arm_index(),
            {"anomalies": ["Hernia"]},
            "anomalies names 'Hernia', but the validation anomalies are of Mass, Nod",
        ),
        (
            arm_index().query("split != 'val' or findings != 'Mass'"),
            {"anomalies": ["Nodule", "Mass"]},
            "'Mass', but the validation anomalies are of Nodule",
        ),
        (arm_index().query("label == 0"), {}, "are of no kind, since there are none"),
        (arm_index(), {"folds": 5}, "demo_xrays has 4 patients or slides with known anomalies, fewer than the 5 folds"),
        (
            arm_index().query("label == 1 or group == 'patient_00' or split == 'test'"),
            {},
            "has 1 patients or slides with normal images only, fewer than the 3 folds",
        ),
    ],
    ids=["no such kind", "one of two kinds", "no anomalies", "few ill patients", "few normal patients"],
)
def test_what_cannot_be_divided_is_one_sentence(index: pd.DataFrame, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        folds_of(index.reset_index(drop=True), **changed)


def rows(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize(
    ("fold", "message"),
    [
        (Fold(rows(0), rows(2), rows(24, 25, 26, 27, 40), 0), "fold 0 of demo_xrays holds the test image '20_0.png'"),
        (Fold(rows(0, 41), rows(2), rows(24, 25, 26, 27), 0), "holds the test image '20_1.png'"),
        (Fold(rows(0, 2), rows(3), rows(24, 25, 26, 27), 0), "has the group 'patient_01' on two sides"),
        (Fold(rows(0), rows(2), rows(26), 0), "1 normals and 0 known anomalies"),
        (Fold(rows(), rows(2), rows(26, 27), 0), "has 0 normals to train on"),
    ],
)
def test_a_fold_that_must_not_be_is_refused(fold: Fold, message: str) -> None:
    index = arm_index()
    with pytest.raises(PipelineError, match=message):
        check_folds(index, (index["findings"] == "Mass").to_numpy(), [fold], ARM)
