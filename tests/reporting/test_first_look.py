from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import Figures, roc_auc_figures
from pipeline.params.file import Params
from pipeline.reporting.first_look import first_look_page, recommendation
from pipeline.tuning.first_look import FirstLook, Looked
from tests.reporting.test_markdown import row_of

LABELS = np.repeat([0, 1], 60)
NORMAL = np.random.default_rng(0).normal(size=120)
# by how much each detector's anomalies are above its normals: the middle two are of one kind
SHIFTS = {"padim": 1.6, "patchcore": 1.5, "knn": 0.2, "colour_statistics": 0.0, "mean_intensity": 0.0}
SIZES = {"padim": 900_000, "patchcore": 800_000}


def found(shifts: Mapping[str, float] = SHIFTS, groups: int = 120, **changed: Any) -> FirstLook:
    """What a look finds where scores are those of all detectors and a shift of the anomalies."""
    resamples = Resamples(LABELS, (np.arange(120) % groups).astype(str), 300, 0)

    def area(name: str, shift: float) -> Figures:
        own = np.random.default_rng([*name.encode()]).normal(size=120)
        return roc_auc_figures(LABELS, (NORMAL + own + 2 * shift * LABELS)[None], resamples)

    looked = [Looked(name, area(name, shift), SIZES.get(name, 1_000_000)) for name, shift in shifts.items()]
    settings: dict[str, Any] = {
        "looked": looked,
        "resamples": resamples,
        "normals": 60,
        "anomalies": 60,
        "made": False,
        "unset": [],
    }
    return FirstLook(**(settings | changed))


def test_of_detectors_that_are_not_told_apart_the_smallest_model_is_taken() -> None:
    chosen, sentence = recommendation(found())
    assert chosen == "patchcore"
    assert sentence == "padim and patchcore are not told apart: take the one with the smallest model, patchcore."


def test_a_detector_that_is_told_apart_is_taken_with_how_sure_that_is() -> None:
    chosen, sentence = recommendation(found({"padim": 2.0, "knn": 0.2, "colour_statistics": 0.0}))
    assert chosen == "padim"
    assert sentence.startswith("Take padim: it is told apart from the next, knn, which is below it by ")
    low, high = map(float, sentence.partition("interval ")[2].rstrip(").").split(" to "))
    assert 10 < low < high < 60


def test_too_few_patients_tell_nothing_apart() -> None:
    chosen, sentence = recommendation(found(groups=4))
    assert chosen == "padim"
    assert sentence.startswith("Nothing can be told apart: padim is first, but an interval needs five patients")


def test_a_single_detector_is_called_so() -> None:
    assert recommendation(found({"knn": 1.0}))[1] == "knn is the only detector that could be fitted."


def test_the_table_compares_all_with_the_first_detector(params: Params) -> None:
    page = first_look_page("nih_sample", found(), params)
    assert row_of(page, "padim")["beside padim"] == ""
    behind = row_of(page, "knn")
    assert behind["beside padim"].startswith("-")
    assert behind[""] == "worse"
    assert row_of(page, "patchcore")[""] == "not told apart"
    assert row_of(page, "patchcore")["model"] == "800 kB"
    assert row_of(page, "mean_intensity (baseline)")[""] == "worse"
    assert "It is above the baselines." in page


def test_a_detector_beside_a_baseline_is_warned_of(params: Params) -> None:
    page = first_look_page("nih_sample", found({"colour_statistics": 1.6, "padim": 1.5, "knn": 0.1}), params)
    assert "But it is not shown to be above colour_statistics: the anomalies may differ" in page


def test_nothing_is_recommended_where_a_baseline_is_above_all(params: Params) -> None:
    shifts = {"mean_intensity": 2.0, "padim": 0.5, "knn": 0.1}
    chosen, sentence = recommendation(found(shifts))
    assert chosen is None
    assert sentence.startswith(
        "Nothing is recommended: mean_intensity, which does not look at what is on an image, is above every detector,"
    )
    page = first_look_page("nih_sample", found(shifts), params)
    assert row_of(page, "mean_intensity (baseline)")["beside padim"].startswith("+")
    assert row_of(page, "mean_intensity (baseline)")[""] == "better"
    assert "`dvc" not in page
    assert "Even out what differs in colour or exposure alone" in page


def test_a_failure_is_a_row_with_its_reason(params: Params) -> None:
    failed = [*found().looked, Looked("deep_if", None, reason="there is no such file")]
    assert row_of(first_look_page("nih_sample", found(looked=failed), params), "deep_if")["ROC AUC"] == (
        "there is no such file"
    )


def test_made_anomalies_and_detectors_without_settings_are_said(params: Params) -> None:
    page = first_look_page("nih_sample", found(made=True, unset=["deep_if"]), params)
    assert "60 made anomalies" in page
    assert "**These anomalies are made**" in page
    assert "**Nothing is recommended: padim sees made anomalies best, which need not hold for real ones.**" in page
    assert "`dvc" not in page
    assert "hold out a few real anomalies" in page
    assert "no settings of them: deep_if." in page
    assert "**These anomalies are made**" not in first_look_page("nih_sample", found(), params)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ({"quick_detectors": ("patchcore",)}, "and tests it: params.yaml lists patchcore.\n"),
        ({"detectors": ("patchcore",), "quick_detectors": ()}, "and tests it: params.yaml lists patchcore.\n"),
        ({"quick_detectors": ("knn",)}, "test it: `dvc exp run -S 'quick_detectors=[knn,patchcore]'`\n"),
    ],
)
def test_the_command_follows_from_what_runs(params: Params, listed: dict[str, Any], said: str) -> None:
    assert said in first_look_page("nih_sample", found(), params.model_copy(update=listed))


def test_an_arm_that_is_not_trained_has_to_be_listed_first(params: Params) -> None:
    assert "name mine in arms.train of params.yaml" in first_look_page("mine", found(), params)
