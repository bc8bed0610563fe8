from pathlib import Path

import pytest

from pipeline import checking
from pipeline.checking import CAMELYON16, NIH, check_files
from tests.import_closure import ROOT


def states(paths: list[str], expected: dict[str, tuple[int, int | None]]) -> dict[str, str]:
    return {pattern: state for pattern, _, _, state in check_files(paths, expected)}


def test_a_whole_download_is_complete_wherever_its_images_lie() -> None:
    lists = ["Data_Entry_2017_v2020.csv", "train_val_list.txt", "test_list.txt"]
    images = [f"images_{1 + i % 12:03}/images/{i:08}_000.png" for i in range(112120)]
    assert set(states(lists + images, NIH).values()) == {"complete"}


def test_an_unfinished_download_is_incomplete() -> None:
    paths = [f"training/normal/normal_{i:03}.tif" for i in range(1, 100)]
    found = states(paths, CAMELYON16)
    assert found["training/normal/*.tif"] == "incomplete"
    assert found["testing/reference.csv"] == "missing"


def test_a_listed_arm_without_data_is_an_error_before_hours_are_spent(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    (in_folder / "params.yaml").write_text(
        text.replace("  xrays:\n  - demo_xrays", "  xrays:\n  - nih_pa\n  - demo_xrays", 1)
    )
    assert checking.main() == 1
    assert "an arm of nih" in capsys.readouterr().err


def test_the_demo_needs_nothing(in_folder: Path) -> None:
    (in_folder / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert checking.main() == 0
