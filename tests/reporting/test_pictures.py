from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.reporting.plots import plot_history, plot_roc
from pipeline.reporting.sheets import contact_sheet


def history() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "iteration": [10, 20, 30],
            "phase": ["stable", "transition", "stable"],
            "resolution": [8, 16, 16],
            "loss": [0.9, 0.8, 0.7],
            "held_out_loss": [0.95, None, 0.75],
        }
    )


def test_the_same_content_is_the_same_picture_byte_for_byte(tmp_path: Path) -> None:
    curve = pd.DataFrame({"fpr": [0, 0.2, 1], "tpr": [0, 0.7, 1]})
    for name in ("one", "two"):
        plot_roc(tmp_path / name / "roc.png", "arm", {"seed 0": curve})
        plot_history(tmp_path / name / "history.png", "arm", {"seed 0": history()})
    for name in ("roc.png", "history.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("shape", [(30, 50), (30, 50, 1), (30, 50, 3)])
def test_a_sheet_shows_gray_and_coloured_images_of_any_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = [np.full(shape, 255, np.uint8), np.zeros((400, 300, 3), np.uint8)]
    contact_sheet(tmp_path / "sheet.png", "title", {"first row": images, "second row": images[:1]})
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert (sheet == 0).all(axis=2).mean() > 0.05


def test_a_sheet_without_images_is_still_a_picture(tmp_path: Path) -> None:
    contact_sheet(tmp_path / "sheet.png", "nothing was found", {})
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
