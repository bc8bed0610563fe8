from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from pipeline.params.tune import Tune
from pipeline.reporting.tuning import plot_few_anomalies, tuning_section
from pipeline.tuning.few_anomalies import COLUMNS
from tests.reporting.test_markdown import row_of
from tests.tuning.conftest import tune

TESTED = {0: 0.8, 1: 0.7, 2: 0.9}


def trials(**changed: Any) -> pd.DataFrame:
    known: dict[str, Any] = {
        "trial": [0, 1, 2, 3],
        "latent": ["4", "8", "16", "32"],
        "state": ["complete", "complete", "complete", "pruned"],
        "reason": "",
        "roc_auc": [0.71, 0.60, 0.75, 0.99],
        "loss": [0.5, 0.4, 0.6, 0.1],
        "aucp": [0.53, 0.55, 0.51, 0.9],
    }
    return pd.DataFrame(known | changed)


INTERVALS = {0: (0.7, 0.85), 1: None, 2: (0.85, 0.95)}


def settings_of(**changed: Any) -> Tune:
    options = {name: {"train": {"latent_dim": int(name)}} for name in ("4", "8", "16", "32", "64")}
    return tune(space={"latent": options}, **changed)


def section(searched: Tune | None = None, **changed: Any) -> str:
    return tuning_section("nih_ap", trials(**changed), TESTED, INTERVALS, searched or settings_of())


def test_each_criterion_says_what_it_chose_and_what_that_cost() -> None:
    weakly = row_of(section(), "ROC AUC of the known anomalies, highest")
    assert (weakly["trial"], weakly["setting"], weakly["95 % interval"]) == ("2", "latent 16", "85.0 to 95.0")
    assert (weakly["test ROC AUC"], weakly["below the best"]) == ("90.0", "0.0")
    by_loss = row_of(section(), "score of held-out normals (of an autoencoder its loss), lowest")
    assert (by_loss["trial"], by_loss["test ROC AUC"], by_loss["below the best"]) == ("1", "70.0", "20.0")
    assert by_loss["95 % interval"] == "n/a"


def test_several_detectors_are_compared_by_what_has_no_scale_and_their_losses_within_each() -> None:
    spaces = {"knn": {"neighbours": {"1": {"k": 1}, "3": {"k": 3}}}, "padim": {}}
    several = tune(detector=None, common={}, space={"detector": spaces})
    named = trials().drop(columns="latent")
    named.insert(1, "detector", ["knn, neighbours 1", "knn, neighbours 3", "padim", "padim"])
    text = tuning_section("nih_ap", named, TESTED, INTERVALS, several)
    assert row_of(text, "ROC AUC of the known anomalies, highest")["setting"] == "detector padim"
    assert row_of(text, "AUCp, unlabelled images")["trial"] == "1"
    assert row_of(text, "score of held-out normals, lowest of knn")["setting"] == "detector knn, neighbours 3"
    assert "score of held-out normals (of an autoencoder its loss)" not in text
    assert "lowest of padim" not in text
    assert "Losses of different detectors have nothing to do with each other" in text
    assert "Losses of different detectors" not in section()


def test_figure_5_after_an_informed_search_is_called_flattering() -> None:
    assert "look better here than they are" not in section()
    assert "look better here than they are" in section(settings_of(prune=True))
    assert "look better here than they are" in section(settings_of(sampler="tpe", trials=4))


def test_a_trial_that_failed_has_no_figures() -> None:
    text = section(state=["complete"] * 3 + ["failed"], roc_auc=[0.7, 0.6, 0.8, None], loss=[0.5] * 3 + [None])
    assert "1 of them failed (the reasons are in trials.csv)" in text
    (line,) = (line for line in text.splitlines() if line.startswith("| 3 "))
    assert [cell.strip() for cell in line.strip("|").split("|")][2:] == ["n/a", "n/a", "90.0", "failed"]


def section_of_six(**changed: Any) -> str:
    """Six whole trials, the later the better on the test images."""
    rising = [0.1 * k for k in range(1, 7)]
    figures = {"state": "complete", "roc_auc": rising, "loss": rising, "aucp": rising, **changed}
    known = pd.DataFrame({"trial": range(6), "latent": list("123456"), "reason": "", **figures})
    return tuning_section("nih_ap", known, dict(enumerate(rising)), dict.fromkeys(range(6)), settings_of())


def test_a_rank_correlation_is_positive_where_the_criterion_is_right() -> None:
    column = "rank correlation with the test"
    assert row_of(section_of_six(), "ROC AUC of the known")[column] == "+1.00"
    assert row_of(section_of_six(), "score of held-out normals")[column] == "-1.00"
    assert row_of(section_of_six(aucp=0.5), "AUCp, unlabelled images")[column] == "n/a"


def test_so_few_trials_that_any_order_is_likely_have_no_rank_correlation() -> None:
    assert row_of(section(), "ROC AUC of the known")["rank correlation with the test"] == "n/a"


def test_trials_are_listed_best_first_and_those_given_up_last() -> None:
    lines = [line for line in section().splitlines() if line.startswith("| ") and line[2].isdigit()]
    assert [line.split("|")[1].strip() for line in lines] == ["2", "0", "1", "3"]
    assert lines[-1].strip("| ").endswith("pruned")
    text = section()
    assert "4 of 5 combinations were tried, 1 of them given up early; the test ROC AUC of whole trials" in text
    assert "lies between 70.0 and 90.0 (one training each)." in text


def test_a_long_search_is_cut_in_the_report() -> None:
    many = pd.concat([trials().iloc[[0]].assign(trial=k) for k in range(50)])
    text = tuning_section(
        "nih_ap", many, {k: 0.5 + k / 200 for k in range(50)}, dict.fromkeys(range(50)), settings_of()
    )
    assert len([line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]) == 20


def test_figure_5_is_drawn_with_all_behind_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        ["1", "5", 3, 0.7, 0.1, 0.6, 0.8],
        ["1", "all", 3, 0.8, 0.0, 0.8, 0.8],
        ["all", "20", 3, 0.85, 0.0, 0.8, 0.9],
    ]
    figures: list[Any] = []
    monkeypatch.setattr("pipeline.reporting.tuning.save_figure", lambda figure, path: figures.append(figure))
    plot_few_anomalies(tmp_path / "few.png", "nih_ap", pd.DataFrame(rows, columns=COLUMNS), TESTED, 0.7)
    axes = figures[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["5", "20", "all"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["chosen by loss", "1 kind", "all kinds"]
    assert {text.get_text() for text in axes.texts} == {"best", "worst"}
    monkeypatch.undo()
    plot_few_anomalies(tmp_path / "few.png", "nih_ap", pd.DataFrame(rows, columns=COLUMNS), TESTED, 0.7)
    assert cv2.imread(str(tmp_path / "few.png")).shape[:2] == (400, 640)


def test_an_arm_is_called_by_its_name() -> None:
    text = tuning_section("_mine_", trials(), TESTED, INTERVALS, settings_of())
    assert "<h3>_mine_: how its settings would be chosen</h3>" in MarkdownIt("commonmark").render(text)
