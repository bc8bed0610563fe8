"""Only what the lists of arms ask for is drawn or unpacked."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.inventory import COLUMNS
from stages import check_params, demo_data, unpack_sample
from tests.import_closure import ROOT
from tests.shipped import shipped, with_values, write

FACTS = Path("data/interim/demo")

VALID = "params.yaml and arms/ are valid"


@pytest.fixture(autouse=True)
def repository(in_folder: Path) -> None:
    write(shipped())


def set_lists(slides: list[str], xrays: list[str]) -> None:
    train = [arm for arm in ("demo_slides", "demo_xrays") if arm in (*slides, *xrays)] or [*slides, *xrays]
    lists = {"arms": {"slides": slides, "xrays": xrays, "folders": [], "train": train}, "demo_data.xrays.patients": 20}
    write(with_values(*lists.items()))


def facts() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in FACTS.iterdir()}


@pytest.mark.slow
def test_arms_beside_the_demo_change_nothing_that_it_depends_on() -> None:
    set_lists(["demo_slides"], ["demo_xrays"])
    assert check_params.main() == f"{VALID}; to be made: demo_slides, demo_xrays"
    before = facts()
    set_lists(["camelyon16", "demo_slides"], ["demo_xrays", "nih_pa"])
    check_params.main()
    assert facts() == before


def test_a_collection_without_an_arm_stays_empty() -> None:
    set_lists(["camelyon16"], ["demo_xrays"])
    assert check_params.main() == f"{VALID}; to be made: demo_xrays"
    assert demo_data.main("slides") == "no listed arm is of demo_slides: it stays empty"
    assert list(Path("data/raw/demo_slides").iterdir()) == []
    inventory = pd.read_csv("data/raw/inventory/demo_slides.csv")
    assert (list(inventory.columns), len(inventory)) == (COLUMNS, 0)


@pytest.mark.slow
def test_a_collection_with_an_arm_is_drawn() -> None:
    set_lists([], ["demo_xrays"])
    check_params.main()
    assert demo_data.main("xrays").endswith("xrays (drawn, not of patients)")
    listed = pd.read_csv("data/raw/inventory/demo_xrays.csv")["path"]
    assert "Data_Entry_2017_v2020.csv" in set(listed)


def test_the_sample_is_unpacked_with_its_inventory_where_an_arm_asks() -> None:
    shutil.copy(ROOT / "arms/nih_sample.tar.gz", "arms")
    set_lists([], ["nih_sample"])
    assert check_params.main() == f"{VALID}; to be made: nih_sample"
    assert unpack_sample.main("nih_sample") == "unpacked 602 files of patients"
    listed = pd.read_csv("data/raw/inventory/nih_sample.csv")["path"]
    assert {"Data_Entry_2017_v2020.csv", "train_val_list.txt", "test_list.txt"} < {*listed}
    assert listed.str.fullmatch(r"images/\d{8}_\d{3}\.png").sum() == 599


def test_the_sample_stays_packed_where_no_arm_asks() -> None:
    shutil.copy(ROOT / "arms/nih_sample.tar.gz", "arms")
    set_lists([], ["demo_xrays"])
    assert check_params.main() == f"{VALID}; to be made: demo_xrays"
    assert unpack_sample.main("nih_sample") == "no listed arm is of nih_sample: it stays empty"
    assert list(Path("data/raw/nih_sample").iterdir()) == []
    assert pd.read_csv("data/raw/inventory/nih_sample.csv").empty


def test_without_the_demo_nothing_is_drawn() -> None:
    set_lists([], ["nih_pa"])
    assert check_params.main() == f"{VALID}; to be made: nothing"
