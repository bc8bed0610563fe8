from collections.abc import Callable
from typing import Any

import pytest

from pipeline.reporting.ranking import ranking_section
from tests.reporting.conftest import beaten, figure

ResultsOf = Callable[..., dict[str, Any]]
BETTER = {"mean": 0.1, "low": 0.05, "high": 0.15}
WORSE = {"mean": -0.1, "low": -0.15, "high": -0.05}
SAME = {"mean": 0.01, "low": -0.05, "high": 0.05}
UNKNOWN = {"mean": 0.01, "low": None, "high": None}
BEATEN = {"mean_intensity": beaten(0.5)}  # what all of them are compared with


@pytest.fixture
def section(results_of: ResultsOf) -> Callable[..., str]:
    """The section of an arm: differences of detectors to the first, which is colour statistics."""

    def composed(arm: str = "mine", /, **others: dict[str, Any]) -> str:
        results = {"colour_statistics": results_of(0.7, 0.7, baselines=BEATEN)}
        results |= {
            name: results_of(0.7 + above["mean"], 0.7 + above["mean"], above_reference=above, baselines=BEATEN)
            for name, above in others.items()
        }
        return ranking_section(arm, results)

    return composed


def rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]


def test_detectors_stand_by_falling_roc_auc_with_their_difference_to_the_first(section: Callable[..., str]) -> None:
    head, *found = rows(section(knn=WORSE, deep_if=SAME, mahalanobis=BETTER))
    assert head[5] == "above colour statistics by"
    assert [(row[0], row[1], *row[5:]) for row in found] == [
        ("Mahalanobis", "80.0 ± 0.0", "+10.0", "+5.0 to +15.0", "better"),
        ("Deep IF", "71.0 ± 0.0", "+1.0", "-5.0 to +5.0", "not told apart"),
        ("colour statistics", "70.0 ± 0.0", "reference", "–", "–"),
        ("kNN", "60.0 ± 0.0", "-10.0", "-15.0 to -5.0", "worse"),
    ]
    assert head[1:5] == ["ROC AUC", "95 % interval", "average precision", "FPR at 95 % TPR"]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (
            {"knn": BETTER, "deep_if": WORSE, "mahalanobis": BETTER, "padim": SAME},
            "kNN and Mahalanobis are better; Deep IF is worse; PaDiM is not told apart from it.",
        ),
        ({"knn": UNKNOWN}, "kNN is without an interval to judge by."),
    ],
)
def test_what_can_be_told_apart_is_said(
    section: Callable[..., str], others: dict[str, dict[str, Any]], said: str
) -> None:
    assert f"Compared with the reference, colour statistics: {said}" in section(**others)


def test_what_so_few_patients_can_tell_is_said_by_the_reach_of_intervals(section: Callable[..., str]) -> None:
    wide = {"mean": 0.0, "low": -0.13, "high": 0.13}
    said = "The rarer class has 8 patients or slides: with others, a ROC AUC may well be 15 points away, and a detector"
    assert f"{said} has to be 5 to 13 points above or below the reference" in section(knn=BETTER, deep_if=wide)
    assert f"{said} has to be 5 points above or below the reference" in section(knn=BETTER, deep_if=UNKNOWN)


def test_where_there_are_too_few_patients_for_intervals_nothing_is_said_of_their_reach(
    section: Callable[..., str],
) -> None:
    assert "The rarer class has 8 patients or slides, too few to say how far figures" in section(knn=UNKNOWN)


def test_where_nothing_can_be_told_apart_it_says_so(section: Callable[..., str]) -> None:
    text = section(knn=SAME, deep_if=SAME)
    assert "**Nothing can be told apart** from the reference, colour statistics." in text
    assert "Compared with" not in text


def test_a_detector_that_is_not_above_its_best_baseline_is_named(results_of: ResultsOf) -> None:
    near = {"roc_auc": figure(0.69, 0.71), "detector_above": {"mean": 0.01, "low": -0.1, "high": 0.1}}
    reference = results_of(0.7, 0.7, baselines=BEATEN)
    weak = results_of(0.7, 0.7, above_reference=SAME, baselines=BEATEN | {"colour_statistics": near})
    text = ranking_section("mine", {"deep_if": reference, "knn": weak})
    assert "**Not above the best of its baselines:** kNN (colour statistics, 70.0 ± 1.4: not told apart)." in text


def test_that_all_beat_their_best_baseline_is_said(section: Callable[..., str]) -> None:
    assert "Each beats the best of its baselines." in section(knn=SAME)


def test_the_papers_figures_stand_beside_its_arms_alone(section: Callable[..., str]) -> None:
    found = {row[0]: row[-1] for row in rows(section("nih_pa", deep_if=SAME))}
    assert found == {
        "detector": "paper",
        "Deep IF": "default 52.2 ± 0.5, tuned 47.2 ± 0.4",
        "colour statistics": "–",
    }
    assert "paper" not in section("mine", deep_if=SAME)


def test_the_picture_names_its_arm(section: Callable[..., str]) -> None:
    assert "![ROC curves of all detectors on mine](figures/mine-detectors.png)" in section(knn=SAME)
