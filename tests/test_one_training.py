"""What is kept of a finished training for the stage, and when it is not the one that the stage would have."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import layout
from pipeline.data.images import Images
from pipeline.one_training import Training
from stages import train as stage
from tests.detectors.test_stages import checksums, prepare

RUN = "demo_xrays/dpa/seed-0"


def training() -> Training:
    """As another process would have it, which reads settings and data again."""
    return Training("demo_xrays", "dpa", 0)


@pytest.fixture
def arm(tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch) -> Path:
    step = {"layers": ["expand1"], "transition": 0, "stable": 2, "batch_size": 8}
    folder = prepare(tmp_path / "arm", tiny_images, schedule={"16": step})
    monkeypatch.chdir(folder)
    return folder


def test_the_stage_takes_over_what_was_computed_before_to_the_bytes_that_it_makes_itself(
    arm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Path(shutil.copytree(arm, tmp_path / "alone"))
    assert training().compute() == f"{RUN}: 2 iterations"
    assert training().compute() == f"{RUN}: was finished before"
    assert not layout.model(RUN).exists()
    assert stage.main("demo_xrays", "dpa", "0") == f"{RUN}: 0 iterations, it was finished before"
    assert not layout.training(RUN).exists()
    monkeypatch.chdir(alone)
    assert stage.main("demo_xrays", "dpa", "0") == f"{RUN}: 2 iterations"
    assert checksums(arm) == checksums(alone)


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def change_settings(arm: Path) -> None:
    replace(arm / "arms/demo_xrays.yaml", '"stable": 2', '"stable": 3')


def change_memory(arm: Path) -> None:
    replace(arm / "params.yaml", '"memory": 6.0', '"memory": 5.0')


def change_data(arm: Path) -> None:
    replace(arm / "data/prepared/demo_xrays/index.csv", "image_00,train", "image_00,val")


def damage(arm: Path) -> None:
    (file,) = (arm / layout.finished(RUN)).glob("*.pt")
    file.write_bytes(file.read_bytes()[:-1])


def have_more_workers(arm: Path) -> None:
    replace(arm / "params.yaml", '"workers": 2, "trials": 2', '"workers": 3, "trials": 4')


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (change_settings, False),
        (change_memory, False),
        (change_data, False),
        (damage, False),
        (have_more_workers, True),
    ],
)
def test_what_is_damaged_or_of_other_settings_or_data_is_not_taken_over(
    arm: Path, change: Callable[[Path], None], kept: bool
) -> None:
    training().compute()
    assert training().is_finished()
    change(arm)
    assert training().is_finished() == kept
