from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pipeline.reporting import plots
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


def test_a_picture_does_not_name_the_version_that_drew_it(tmp_path: Path) -> None:
    contact_sheet(tmp_path / "sheet.png", "title", {})
    assert "Software" not in Image.open(tmp_path / "sheet.png").info


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that would be saved."""
    caught: list[Figure] = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path: caught.append(figure))
    return caught


def test_a_roc_curve_has_false_positives_across_and_true_positives_up(tmp_path: Path, figures: list[Figure]) -> None:
    plot_roc(tmp_path / "roc.png", "arm", {"seed 0": pd.DataFrame({"fpr": [0, 0.2, 1], "tpr": [0, 0.7, 1]})})
    (axes,) = figures[0].axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("false positive rate", "true positive rate")
    assert np.asarray(axes.lines[-1].get_xydata()).tolist() == [[0, 0], [0.2, 0.7], [1, 1]]


def test_phases_are_marked_where_they_begin(tmp_path: Path, figures: list[Figure]) -> None:
    longer = pd.concat([history().head(1).assign(iteration=5), history()])
    plot_history(tmp_path / "history.png", "arm", {"seed 0": longer})
    (axes,) = figures[0].axes
    marks = {text.get_text().split()[-1]: text.get_position()[0] for text in axes.texts[1:]}
    assert axes.texts[0].get_position()[0] == 0
    assert marks == {"transition": 10, "stable": 20}
    assert [np.asarray(line.get_xdata())[0] for line in axes.lines[2:]] == [10, 20]


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


def test_a_sheet_keeps_the_shape_and_the_grey_of_its_images(tmp_path: Path) -> None:
    contact_sheet(tmp_path / "sheet.png", "", {"": [np.full((20, 40), 100, np.uint8)]}, side=80)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    rows, columns = np.nonzero((sheet == 100).all(axis=2))
    assert np.ptp(rows) + 1 == pytest.approx(40, abs=2)
    assert np.ptp(columns) + 1 == pytest.approx(80, abs=2)
