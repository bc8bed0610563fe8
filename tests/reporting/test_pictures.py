import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from pipeline.detectors.registry import names
from pipeline.evaluation.breakdown import COLUMNS
from pipeline.files import write_csv
from pipeline.reporting import plots
from pipeline.reporting.plots import (
    mean_roc,
    plot_breakdown,
    plot_detector,
    plot_history,
    plot_precision_recall,
    plot_ranking,
    plot_roc,
    plot_scores,
)
from pipeline.reporting.sheets import contact_sheet
from tests.import_closure import ROOT

ROC = pd.DataFrame({"seed": [4, 4, 4, 7, 7], "fpr": [0, 0.2, 1, 0, 1], "tpr": [0, 0.7, 1, 0, 1]})


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
    for name in ("one", "two"):
        plot_roc(tmp_path / name / "roc.png", "arm", ROC)
        plot_history(tmp_path / name / "history.png", "arm", {"seed 0": history()}, "loss")
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
    plot_roc(tmp_path / "roc.png", "arm", ROC)
    (axes,) = figures[0].axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("false positive rate", "true positive rate")
    assert np.asarray(axes.lines[1].get_xydata()).tolist() == [[0, 0], [0.2, 0.7], [1, 1]]
    assert [line.get_label() for line in axes.lines[1:]] == ["seed 4", "seed 7"]


def test_a_mean_curve_is_the_mean_of_what_is_found_at_each_false_positive_rate() -> None:
    rises = pd.DataFrame({"seed": [4] * 4 + [7] * 2, "fpr": [0, 0, 0.5, 1, 0, 1], "tpr": [0, 0.4, 0.8, 1, 0, 1]})
    across, up = mean_roc(rises)
    found = dict(zip(across[1:], up[1:], strict=True))
    assert (across[0], up[0]) == (0, 0)
    assert [found[rate] for rate in (0, 0.25, 0.5, 1)] == pytest.approx([0.2, (0.6 + 0.25) / 2, 0.65, 1])


def areas(**of: float) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    return {name: {"metrics": {"roc_auc": {"mean": area, "std": 0.01}}} for name, area in of.items()}


@pytest.fixture
def curves(in_folder: Path) -> Path:
    """A folder in which an arm has the curves of every detector."""
    write_csv(in_folder / "reports/arms/mine/roc.csv", pd.concat([ROC.assign(detector=name) for name in names()]))
    return in_folder


def test_all_detectors_have_a_curve_each_and_a_legend_by_falling_area(curves: Path, figures: list[Figure]) -> None:
    plot_ranking(curves, "mine", areas(knn=0.7, deep_if=0.9, mean_intensity=0.8))
    (legend,) = figures[0].legends
    captions = [text.get_text() for text in legend.get_texts()]
    assert captions == ["Deep IF: 90.0 ± 1.0", "mean intensity: 80.0 ± 1.0", "kNN: 70.0 ± 1.0"]


def test_no_two_detectors_look_alike_and_each_looks_the_same_on_every_arm(curves: Path, figures: list[Figure]) -> None:
    plot_ranking(curves, "mine", areas(**dict.fromkeys(names(), 0.7)))
    plot_ranking(curves, "mine", areas(**{name: number / 100 for number, name in enumerate(names())}))
    looks = [
        {
            str(line.get_label()).split(":")[0]: (line.get_color(), line.get_linestyle())
            for line in figure.axes[0].lines[1:]
        }
        for figure in figures
    ]
    assert looks[0] == looks[1]
    assert len(set(looks[0].values())) == len(names())


def test_the_history_of_fits_that_reported_once_is_not_drawn(in_folder: Path) -> None:
    shutil.copytree(ROOT / "reports", in_folder / "reports")
    for detector in ("dpa", "knn"):
        plot_detector(in_folder, "nih_sample", detector, (0, 1), 0.5)
    assert (in_folder / "nih_sample-dpa-history.png").is_file()
    assert (in_folder / "nih_sample-knn-roc.png").is_file()
    assert not (in_folder / "nih_sample-knn-history.png").exists()


def test_a_precision_recall_curve_shows_what_guessing_gives(tmp_path: Path, figures: list[Figure]) -> None:
    points = ROC.rename(columns={"fpr": "recall", "tpr": "precision"})
    plot_precision_recall(tmp_path / "pr.png", "arm", points, 0.3)
    (axes,) = figures[0].axes
    assert set(np.asarray(axes.lines[0].get_ydata()).tolist()) == {0.3}
    assert np.asarray(axes.lines[1].get_xydata()).tolist() == [[0, 0], [0.2, 0.7], [1, 1]]


def test_a_histogram_shows_the_mean_of_the_seeds_of_each_class(tmp_path: Path, figures: list[Figure]) -> None:
    bins = pd.DataFrame(
        [
            (seed, images, low, low + 1, share)
            for seed, images, shares in (
                (0, "normal", (0.5, 0.5)), (1, "normal", (1.0, 0.0)), (0, "abnormal", (0.2, 0.8)),
            )
            for low, share in enumerate(shares)
        ],
        columns=["seed", "images", "low", "high", "share"],
    )  # fmt: skip
    plot_scores(tmp_path / "scores.png", "arm", bins)
    (axes,) = figures[0].axes
    (shares, edges, _), (of_abnormal, _, _) = (patch.get_data() for patch in axes.patches)
    assert (list(shares), list(edges)) == ([0.75, 0.25], [0, 1, 2])
    assert list(of_abnormal) == [0.2, 0.8]


def test_a_breakdown_has_a_point_for_each_part_that_has_an_area(tmp_path: Path, figures: list[Figure]) -> None:
    rows = [
        ("finding", "No Finding", 90, 45, None, None, None, None, 0.1),
        ("finding", "Mass", 14, 13, 0.9, 0.0, 0.8, 0.95, 0.5),
        ("finding", r"$\foo$", 1, 1, 0.7, 0.0, None, None, 0.0),
    ]
    plot_breakdown(tmp_path / "breakdown.png", "arm", pd.DataFrame(rows, columns=COLUMNS))
    (axes,) = figures[0].axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [r"$\foo$ (1)", "Mass (14)"]
    points = [np.asarray(line.get_xydata()).tolist() for line in axes.lines if line.get_marker() == "o"]
    assert points == [[[0.7, 0]], [[0.9, 1]]]
    assert np.asarray(axes.lines[3].get_xydata()).tolist() == [[0.8, 1], [0.95, 1]]


def test_phases_are_marked_where_they_begin(tmp_path: Path, figures: list[Figure]) -> None:
    longer = pd.concat([history().head(1).assign(iteration=5), history()])
    plot_history(tmp_path / "history.png", "arm", {"seed 0": longer}, "relative perceptual L1")
    (axes,) = figures[0].axes
    marks = {text.get_text().split()[-1]: text.get_position()[0] for text in axes.texts[1:]}
    assert axes.get_ylabel() == "relative perceptual L1"
    assert axes.texts[0].get_position()[0] == 0
    assert marks == {"transition": 10, "stable": 20}
    assert [np.asarray(line.get_xdata())[0] for line in axes.lines[2:]] == [10, 20]


def test_a_history_without_phases_and_held_out_images_is_drawn_too(tmp_path: Path, figures: list[Figure]) -> None:
    plot_history(tmp_path / "history.png", "arm", {"seed 0": history()[["iteration", "loss"]]}, "distance")
    (axes,) = figures[0].axes
    assert [np.asarray(line.get_ydata()).tolist() for line in axes.lines] == [[0.9, 0.8, 0.7]]
    assert len(axes.texts) == 0


@pytest.mark.parametrize("shape", [(30, 50), (30, 50, 1), (30, 50, 3)])
def test_a_sheet_shows_gray_and_coloured_images_of_any_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    images = [np.full(shape, 255, np.uint8), np.zeros((400, 300, 3), np.uint8)]
    contact_sheet(tmp_path / "sheet.png", "title", {"first row": images, "second row": images[:1]})
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert (sheet == 0).all(axis=2).mean() > 0.05


def test_a_note_is_written_as_it_is_and_takes_room(tmp_path: Path) -> None:
    rows = {"row": [np.zeros((20, 20), np.uint8)]}
    heights = []
    for notes in ({}, {"row": ["$\\foo$ 5_000"]}):
        contact_sheet(tmp_path / "sheet.png", "", rows, notes=notes)
        sheet = cv2.imread(str(tmp_path / "sheet.png"))
        assert sheet is not None
        heights.append(sheet.shape[0])
    assert heights[0] < heights[1]


def test_a_title_and_a_caption_are_written_as_they_are(tmp_path: Path) -> None:
    contact_sheet(tmp_path / "sheet.png", "$\\foo$", {"train: $\\foo$, $_$": [np.zeros((20, 20), np.uint8)]})
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def test_a_sheet_of_many_colours_is_small_and_no_colour_is_far_off(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 40, (128, 128, 3), np.uint8)
    stained = noise + np.array([150, 60, 140], np.uint8)
    stained[60:64, 60:64] = (0, 255, 0)  # rare, and unlike all others
    contact_sheet(tmp_path / "sheet.png", "", {"": [stained]})
    with Image.open(tmp_path / "sheet.png") as sheet:
        shown = np.asarray(sheet.convert("RGB"), int)
    rows, columns = np.nonzero(np.abs(shown - (0, 255, 0)).max(axis=2) <= 16)
    assert (np.ptp(rows), np.ptp(columns)) == (3, 3)
    top, left = rows.min() - 60, columns.min() - 60
    assert np.abs(shown[top : top + 128, left : left + 128] - stained).max() <= 16
    assert (tmp_path / "sheet.png").stat().st_size < 0.5 * stained.nbytes


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
