"""``remove-arm``: the way back from ``new-arm``."""

import re
from pathlib import Path

import pytest

from tests.commands.repositories import add_shipped, images, make, slides, snapshot, xrays
from tests.in_process import Done, call


@pytest.fixture
def mine(repository: Path) -> Path:
    make(repository, "mine", "--like", "nih_pa", "--data", xrays(repository.parent / "films"))
    return repository


def undo(repository: Path, name: str = "mine", fails: bool = False) -> Done:
    done = call("remove-arm", name, folder=repository)
    assert (done.returncode != 0) == fails, done
    return done


def test_the_way_back_leads_to_the_same_bytes_and_never_touches_data(repository: Path) -> None:
    add_shipped("demo_slides")
    before = snapshot(repository)
    for like, collection in (("nih_pa", xrays), ("images", images), ("demo_slides", slides)):
        folder = collection(repository.parent / like)
        data = snapshot(folder)
        make(repository, "mine", "--like", like, "--data", folder)
        done = undo(repository)
        gone = "arms/mine.yaml, data/raw/inventory/mine.csv, the link data/raw/mine"
        assert done.stdout.splitlines() == [
            f"removed {gone}; params.yaml lists mine no more",
            "`dvc repro` makes the report without it",
        ]
        assert (snapshot(repository), snapshot(folder)) == (before, data)


def test_what_stages_made_is_named_with_the_line_that_removes_it(mine: Path) -> None:
    left = [mine / room / "mine" for room in ("data/prepared", "reports/arms", "reports/scores")]
    for folder in (*left, mine / "reports/scores/other"):
        folder.mkdir(parents=True)
    page = mine / "reports/first-look/mine.md"
    figures = [mine / "reports/figures" / f"{arm}-dpa-roc.png" for arm in ("mine", "mine-dpa")]
    for file in (page, *figures):
        file.parent.mkdir(exist_ok=True)
        file.touch()
    (line,) = re.findall(r"to be removed by: (rm -rf .*)", undo(mine).stdout)
    made = "data/prepared/mine reports/arms/mine reports/scores/mine reports/first-look/mine.md"
    assert line == f"rm -rf {made} reports/figures/mine-dpa-roc.png"
    assert all(folder.is_dir() for folder in left)


def test_a_collection_that_is_no_link_stays(mine: Path) -> None:
    (mine / "data/raw/mine").unlink()
    xrays(mine / "data/raw/mine")
    assert "data/raw/mine stays" in undo(mine).stdout
    assert (mine / "data/raw/mine/xrays.csv").is_file()


def test_what_a_stage_unpacks_stays_with_its_inventory(repository: Path) -> None:
    add_shipped("nih_sample")
    Path("arms/nih_sample.tar.gz").touch()
    inventory = Path("data/raw/inventory/nih_sample.csv")
    inventory.parent.mkdir(parents=True)
    inventory.touch()
    assert "removed arms/nih_sample.yaml; " in undo(repository, "nih_sample").stdout
    assert inventory.is_file()


def test_a_link_that_another_arm_needs_stays(mine: Path) -> None:
    make(mine, "second", "--like", "nih_pa", "--set", "split_xrays.collection=mine")
    assert sorted(path.name for path in Path("data/raw").rglob("*")) == ["inventory", "mine", "mine.csv", "second.csv"]
    assert "data/raw/mine stays, since it is also of second" in undo(mine).stdout
    assert (mine / "data/raw/mine").is_symlink()
    assert "the link data/raw/mine;" in undo(mine, "second").stdout
    assert not (mine / "data/raw/mine").is_symlink()


@pytest.mark.parametrize("broken", ["kind: [", "kind: xrays", None])
def test_an_arm_whose_file_is_broken_or_gone_can_be_removed(mine: Path, broken: str | None) -> None:
    if broken is None:
        Path("arms/mine.yaml").unlink()
    else:
        Path("arms/mine.yaml").write_text(broken, encoding="utf-8")
    undo(mine)
    assert sorted(path.name for path in Path("arms").iterdir()) == ["images.yaml", "nih_pa.yaml"]
    assert "mine" not in Path("params.yaml").read_text(encoding="utf-8")
    assert not Path("data/raw/mine").is_symlink()


def test_what_the_demo_draws_is_a_stages(repository: Path) -> None:
    add_shipped("demo_xrays")
    listed = Path("data/raw/inventory/demo_xrays.csv")
    listed.parent.mkdir(parents=True)
    listed.touch()
    done = undo(repository, "demo_xrays")
    assert "if it was committed, `git restore arms/demo_xrays.yaml params.yaml` brings it back" in done.stdout
    assert listed.exists()
    assert not Path("arms/demo_xrays.yaml").exists()


def test_the_last_arm_that_is_trained_stays(repository: Path) -> None:
    before = snapshot(repository)
    message = undo(repository, "images", fails=True).stderr
    assert message.startswith("error: params.yaml: arms.train names images alone: name another arm there, or go back")
    assert snapshot(repository) == before


@pytest.mark.parametrize("name", ["nobody", "", "../params", "nih", "mine; touch PWNED"])
def test_what_is_no_arm_cannot_be_removed(repository: Path, name: str) -> None:
    before = snapshot(repository)
    message = undo(repository, name, fails=True).stderr
    assert message == f"error: {name!r} is not an arm: choose from images, nih_pa\n"
    assert snapshot(repository) == before
