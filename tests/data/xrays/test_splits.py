import gzip
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.inventory import EMPTY
from pipeline.data.xrays.nih_metadata import read_index
from pipeline.data.xrays.settings import SplitXrays
from pipeline.data.xrays.splits import (
    COLUMNS,
    SUBSET_LISTS,
    count_table,
    read_lists,
    read_split,
    split_xrays,
    used,
    warnings_of,
)
from pipeline.errors import PipelineError
from pipeline.files import write_csv
from tests.data.conftest import FILMS, TEST, TRAIN_VAL, Collection
from tests.shipped import shipped_xrays

LISTS = {"train_val": TRAIN_VAL, "test": TEST}
Films = Sequence[tuple[str, str, str]]


def index_of(films: Films) -> pd.DataFrame:
    index = pd.DataFrame(films, columns=["id", "findings", "view"])
    index["findings"] = index["findings"].replace("No Finding", "")
    index["label"] = (index["findings"] != "").astype(int)
    return index.assign(patient=index["id"].str[:8], age=50.0, sex="M", follow_up=0)


def inventory_of(names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"path": [f"images/{name}" for name in names], "bytes": 1, "md5": [f"of {n}" for n in names]})


def split(
    films: Films, lists: Mapping[str, Sequence[str]], chosen: SplitXrays, without: Sequence[str] = ()
) -> pd.DataFrame:
    return split_xrays(index_of(films), lists, inventory_of([f[0] for f in films if f[0] not in without]), chosen)


def places(table: pd.DataFrame) -> dict[str, str]:
    """Image to its split, or to the reason why it has none."""
    return dict(zip(table["id"], table["split"] + table["left_out"], strict=True))


def many_films(patients: int) -> tuple[list[tuple[str, str, str]], dict[str, list[str]]]:
    """Patients with a normal, a sole-infiltration and a mixed image; every fourth is in the test list."""
    kinds = ("No Finding", "Infiltration", "Infiltration|Mass")
    films = [(f"{p:08d}_{k:03d}.png", kind, "PA") for p in range(patients) for k, kind in enumerate(kinds)]
    names = [name for name, _, _ in films]
    test = [name for name in names if int(name[:8]) % 4 == 0]
    return films, {"train_val": [name for name in names if name not in test], "test": test}


def test_without_held_out_patients_normals_train_and_the_test_list_tests(split_settings: SplitXrays) -> None:
    chosen = split_settings.model_copy(update={"validation_share": 0.0})
    training_anomaly = "abnormal image of a training patient"
    assert places(split(FILMS, LISTS, chosen)) == {
        "00000001_000.png": "train",
        "00000001_001.png": training_anomaly,
        "00000002_000.png": "train",
        "00000002_001.png": "other view",
        "00000003_000.png": training_anomaly,
        "00000003_001.png": training_anomaly,
        "00000004_000.png": "train",
        "00000005_000.png": "test",
        "00000005_001.png": "test",
        "00000006_000.png": "other view",
    }


def test_held_out_patients_give_normals_and_images_of_the_known_finding_alone(split_settings: SplitXrays) -> None:
    films, lists = many_films(400)
    table = split(films, lists, split_settings.model_copy(update={"validation_share": 0.25}))
    validation = table[table["split"] == "val"]
    held_out = table[table["group"].isin(validation["group"]) & (table["findings"] == "Infiltration|Mass")]
    assert set(validation["findings"]) == {"", "Infiltration"}
    assert set(held_out["left_out"]) == {"validation patient, findings not among validation_findings"}
    assert 50 < validation["group"].nunique() < 100  # of 300 patients, expected 75 ± 7.5
    assert set(table.loc[table["split"] == "train", "label"]) == {0}
    assert set(validation["group"]).isdisjoint(table.loc[table["split"] == "train", "group"])


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_patients_split_depends_neither_on_order_nor_on_other_patients(
    split_settings: SplitXrays, data: st.DataObject
) -> None:
    films, lists = many_films(40)
    whole = places(split(films, lists, split_settings))
    dropped = data.draw(st.sets(st.integers(0, 39), max_size=20))
    kept = data.draw(st.permutations([film for film in films if int(film[0][:8]) not in dropped]))
    names = {name for name, _, _ in kept}
    fewer = {name: [n for n in reversed(listed) if n in names] for name, listed in lists.items()}
    assert places(split(kept, fewer, split_settings)) == {name: whole[name] for name in sorted(names)}


def test_the_table_is_ordered_by_id_and_names_its_files(split_settings: SplitXrays) -> None:
    chosen = split_settings.model_copy(update={"validation_share": 0.0})
    table = used(split(list(reversed(FILMS)), LISTS, chosen))
    assert list(table.columns) == COLUMNS
    assert table["id"].is_monotonic_increasing
    assert table["source"].tolist() == [f"images/{name}" for name in table["id"]]


def test_an_image_in_neither_list_is_left_out(split_settings: SplitXrays) -> None:
    chosen = split_settings.model_copy(update={"validation_share": 0.0})
    lists = {"train_val": [name for name in TRAIN_VAL if name != "00000004_000.png"], "test": TEST}
    assert places(split(FILMS, lists, chosen))["00000004_000.png"] == "in neither list"


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train_val": [*TRAIN_VAL, "x.png"], "test": TEST}, "'x.png' of the list train_val is not in the metadata"),
        ({"train_val": TRAIN_VAL, "test": [*TEST, TRAIN_VAL[0]]}, f"'{TRAIN_VAL[0]}' stands in both lists"),
        (
            {"train_val": TRAIN_VAL[1:], "test": [*TEST, TRAIN_VAL[0]]},
            "patient 00000001 has images in train_val and test",
        ),
        ({"train_val": TRAIN_VAL, "test": [TEST[1]]}, "no abnormal image is in test"),
        ({"train_val": [], "test": TEST}, "no normal image is in train"),
    ],
)
def test_lists_that_contradict_the_metadata_are_refused(
    split_settings: SplitXrays, lists: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(PipelineError, match=message):
        split(FILMS, lists, split_settings.model_copy(update={"validation_share": 0.0}))


def test_a_few_missing_files_are_left_out_and_many_are_an_error(split_settings: SplitXrays) -> None:
    films, lists = many_films(400)
    chosen = split_settings.model_copy(update={"validation_share": 0.0})
    one = places(split(films, lists, chosen, without=["00000001_000.png"]))
    assert one["00000001_000.png"] == "missing file"
    with pytest.raises(PipelineError, match=r"images have no file, such as 00000001_000\.png"):
        split(films, lists, chosen, without=lists["train_val"][:90])


def with_copies(*pairs: tuple[str, str]) -> pd.DataFrame:
    """The inventory of all films, with one content for both of each pair."""
    inventory = inventory_of([name for name, _, _ in FILMS])
    return inventory.replace({"md5": {f"of {copy}": f"of {original}" for original, copy in pairs}})


@pytest.mark.parametrize(
    ("original", "copy"),
    [
        ("00000001_000.png", "00000005_000.png"),  # of a training normal in the test, with a finding
        ("00000002_000.png", "00000005_001.png"),  # of a training normal in the test, normal too
        ("00000005_000.png", "00000005_001.png"),  # abnormal and normal in one split
    ],
)
def test_one_content_in_two_splits_or_with_two_labels_is_refused(
    split_settings: SplitXrays, original: str, copy: str
) -> None:
    chosen = split_settings.model_copy(update={"validation_share": 0.0, "view": "PA"})
    with pytest.raises(PipelineError, match=rf"images/{original} and images/{copy} have the same content.*keep one"):
        split_xrays(index_of(FILMS), LISTS, with_copies((original, copy)), chosen)


def without_few(table: pd.DataFrame) -> list[str]:
    """The warnings but that of few held-out patients, of which every split of a test has few."""
    few = [
        text for text in warnings_of(table) if text.endswith("split_xrays.validation_share, unless scores are enough")
    ]
    assert len(few) == 1
    return [text for text in warnings_of(table) if text not in few]


def test_a_copy_within_its_split_is_named_and_counted_once(split_settings: SplitXrays) -> None:
    chosen = split_settings.model_copy(update={"validation_share": 0.0, "view": "PA"})
    table = split_xrays(index_of(FILMS), LISTS, with_copies(("00000002_000.png", "00000004_000.png")), chosen)
    assert places(table)["00000002_000.png"] == "train"
    assert places(table)["00000004_000.png"] == "same content as 00000002_000.png"
    assert without_few(table) == [
        "1 images are copies of others and are not counted again, such as 00000004_000.png: same content as "
        "00000002_000.png"
    ]
    assert without_few(split_xrays(index_of(FILMS), LISTS, with_copies(), chosen)) == []


def test_empty_files_are_no_copies_of_each_other_and_fail_one_by_one(split_settings: SplitXrays) -> None:
    chosen = split_settings.model_copy(update={"validation_share": 0.0, "view": "PA"})
    inventory = with_copies(("00000001_000.png", "00000005_000.png")).replace({"md5": {"of 00000001_000.png": EMPTY}})
    assert places(split_xrays(index_of(FILMS), LISTS, inventory, chosen))["00000001_000.png"] == "train"


def test_dropped_validation_findings_are_counted_and_named(split_settings: SplitXrays) -> None:
    films = [*FILMS, *((f"{number:08d}_000.png", "Mass" if number < 9 else "Edema", "PA") for number in (7, 8, 9))]
    lists = {"train_val": TRAIN_VAL, "val": [name for name, _, _ in films[-3:]], "test": TEST}
    chosen = split_settings.model_copy(update={"validation_share": 0.0})
    assert without_few(split(films, lists, chosen)) == [
        "3 abnormal images of validation patients are not used, since validation_findings does not name what they "
        "show: Mass (2), Edema (1)"
    ]
    named = chosen.model_copy(update={"validation_findings": ("Mass", "Edema")})
    assert without_few(split(films, lists, named)) == []


def test_a_copy_that_is_not_used_disturbs_nothing(split_settings: SplitXrays) -> None:
    """Its patient is trained on, its finding is not; so it is in no split."""
    chosen = split_settings.model_copy(update={"validation_share": 0.0, "view": "PA"})
    table = split_xrays(index_of(FILMS), LISTS, with_copies(("00000001_000.png", "00000001_001.png")), chosen)
    assert places(table)["00000001_000.png"] == "train"


def subset(**lists: Sequence[str]) -> dict[str, list[str]]:
    return {name: list(lists.get(name, ())) for name in SUBSET_LISTS}


@pytest.fixture
def subset_settings() -> SplitXrays:
    return SplitXrays(
        generated=False,
        collection="nih",
        table=None,
        lists="subset",
        view=None,
        validation_findings=(),
        validation_share=0.0,
        seed=0,
    )


def test_the_subsets_lists_give_split_and_label(subset_settings: SplitXrays) -> None:
    lists = subset(
        normal_train=["00000001_000.png"],
        normal_val=["00000002_001.png"],
        anomaly_val=["00000003_000.png"],
        normal_test=["00000004_000.png"],
        anomaly_test=["00000006_000.png"],
    )
    table = used(split(FILMS, lists, subset_settings)).set_index("id")
    assert table["split"].tolist() == ["train", "val", "val", "test", "test"]
    assert table["label"].tolist() == [0, 0, 1, 0, 1]


def test_names_whose_findings_disagree_with_their_list_are_kept_and_counted(subset_settings: SplitXrays) -> None:
    lists = subset(
        normal_train=["00000001_000.png"],
        normal_test=["00000003_000.png", "00000002_000.png"],
        anomaly_test=["00000004_000.png", "00000005_000.png"],
    )
    table = split(FILMS, lists, subset_settings)
    counts = count_table(table)
    assert used(table).set_index("id").loc["00000003_000.png", ["label", "findings"]].tolist() == [0, ""]
    notes = counts[counts["note"].str.startswith("of these")].set_index("note")["images"].to_dict()
    assert notes == {"of these with findings in the metadata": 1, "of these without in the metadata": 1}


def test_training_and_then_validation_give_way_where_the_subset_shares_patients(subset_settings: SplitXrays) -> None:
    lists = subset(
        normal_train=["00000001_000.png", "00000002_000.png", "00000004_000.png"],
        normal_val=["00000002_001.png"],
        anomaly_val=["00000001_001.png", "00000005_000.png"],
        normal_test=["00000005_001.png"],
        anomaly_test=["00000003_000.png"],
    )
    where = places(split(FILMS, lists, subset_settings))
    assert where["00000001_000.png"] == "patient also in val or test, dropped from train"
    assert where["00000002_000.png"] == "patient also in val or test, dropped from train"
    assert where["00000004_000.png"] == "train"
    assert where["00000005_000.png"] == "patient also in test, dropped from val"
    assert where["00000005_001.png"] == "test"


def test_the_counts_of_all_images_add_up_to_the_metadata(split_settings: SplitXrays) -> None:
    films, lists = many_films(100)
    counts = count_table(split(films, lists, split_settings))
    assert counts.loc[counts["finding"] == "all", "images"].sum() == len(films)
    test = counts[(counts["split"] == "test") & (counts["label"] == 1)].set_index("finding")
    assert test["images"].to_dict() == {"all": 50, "Infiltration": 50, "Mass": 25}
    assert test["patients"].to_dict() == {"all": 25, "Infiltration": 25, "Mass": 25}
    assert counts["split"].drop_duplicates().tolist() == ["train", "val", "test", "left out"]


def test_lists_are_read_from_their_files(collection: Collection) -> None:
    assert read_lists(collection.root, "official") == LISTS
    for name in SUBSET_LISTS:
        collection.write_lines(f"subset/{name}.txt", [f"{name}.png"])
    assert read_lists(collection.root, "subset") == {name: [f"{name}.png"] for name in SUBSET_LISTS}
    (collection.root / "subset/anomaly_val.txt").unlink()
    with pytest.raises(PipelineError, match=r"subset/anomaly_val\.txt is missing"):
        read_lists(collection.root, "subset")


def test_a_written_split_is_read_back(tmp_path: Path, split_settings: SplitXrays) -> None:
    table = used(split(FILMS, LISTS, split_settings.model_copy(update={"validation_share": 0.0})))
    write_csv(tmp_path / "split.csv", table)
    pd.testing.assert_frame_equal(read_split(tmp_path / "split.csv"), table, check_dtype=False)
    write_csv(tmp_path / "other.csv", table.drop(columns="md5"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "ragged.csv").write_text(
        (tmp_path / "split.csv").read_text(encoding="utf-8").rpartition(",")[0], encoding="utf-8"
    )
    for name, message in (
        ("other.csv", "the column 'md5' is missing: run `dvc repro`, whose stage split_xrays makes it"),
        ("none.csv", "is missing: run `dvc repro`"),
        ("binary.csv", "is damaged, it is no text: run `dvc repro`"),
        ("ragged.csv", "row 5 does not have 11 values: run `dvc repro`"),
    ):
        with pytest.raises(PipelineError, match=message):
            read_split(tmp_path / name)


REAL_DATA = os.environ.get("PIPELINE_REAL_DATA")


@pytest.mark.slow
@pytest.mark.skipif(REAL_DATA is None, reason="PIPELINE_REAL_DATA names no folder")
def test_the_published_metadata_give_the_published_counts(tmp_path: Path) -> None:
    source = Path(str(REAL_DATA)) / "nih_metadata"
    for packed in source.glob("*.gz"):
        (tmp_path / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    shutil.copytree(source / "subset", tmp_path / "subset")
    index = read_index(tmp_path / "Data_Entry_2017_v2020.csv")
    assert (len(index), index["patient"].nunique()) == (112_120, 30_805)
    inventory = inventory_of(index["id"].tolist())
    chosen = shipped_xrays("nih_pa").split_xrays
    table = split_xrays(index, read_lists(tmp_path, "official"), inventory, chosen)
    test = table[table["split"] == "test"]["label"].value_counts()
    assert (test[0], test[1]) == (4805, 6291)
    table = split_xrays(index, read_lists(tmp_path, "subset"), inventory, shipped_xrays("nih_subset").split_xrays)
    sizes = used(table).groupby(["split", "label"]).size()
    assert sizes.to_dict() == {("train", 0): 4261, ("val", 0): 849, ("val", 1): 857, ("test", 0): 677, ("test", 1): 667}
    assert table.loc[(table["split"] == "test") & (table["label"] == 0), "disagrees"].sum() == 19
