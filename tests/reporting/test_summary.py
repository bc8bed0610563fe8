import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import layout
from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.reporting.summary import read_results, summarise
from tests.reporting.conftest import figure

ResultsOf = Callable[..., dict[str, Any]]


def test_the_summary_holds_the_means_and_the_interval_of_the_papers_metric(results_of: ResultsOf) -> None:
    values = summarise({"nih_pa": {"dpa": results_of(0.7, 0.8)}})["nih_pa"]["dpa"]
    assert values["roc_auc"] == pytest.approx(0.75)
    assert values["roc_auc_std"] == pytest.approx(0.0707, abs=1e-4)
    assert (values["roc_auc_low"], values["roc_auc_high"]) == (0.6, 0.9)
    assert (values["seeds"], values["test_images"], values["test_groups"]) == (2, 11_000, 20)
    assert values["sensitivity"] == pytest.approx(0.35)
    assert values["untrained_roc_auc"] == pytest.approx(0.55)
    assert (values["validation_roc_auc"], values["validation_loss"]) == (0.65, 0.45)


def test_the_summary_is_all_numbers_so_that_dvc_can_compare_it(results_of: ResultsOf) -> None:
    unknown = results_of(0.7, operating_point=None, validation={"loss": 0.45, "roc_auc": None})
    unknown["metrics"]["roc_auc"] = figure(0.7, low=None, high=None)
    values = summarise({"nih_pa": {"dpa": unknown}})["nih_pa"]["dpa"]
    assert all(isinstance(value, int | float) for value in values.values())
    assert not {
        "roc_auc_std",
        "roc_auc_low",
        "roc_auc_high",
        "sensitivity",
        "slide_mean_roc_auc",
        "validation_roc_auc",
    } & set(values)


def test_slides_have_two_more_areas(results_of: ResultsOf) -> None:
    level = {"slides": 9, "abnormal": 3, "mean_roc_auc": figure(0.8), "upper_quantile_roc_auc": figure(0.9)}
    values = summarise({"camelyon16": {"dpa": results_of(0.7, slides=level)}})["camelyon16"]["dpa"]
    assert (values["slide_mean_roc_auc"], values["slide_upper_quantile_roc_auc"]) == (0.8, 0.9)


def test_only_arms_and_detectors_that_the_lists_name_are_read(in_folder: Path, results_of: ResultsOf) -> None:
    for arm in ("nih_pa", "nih_ap"):
        write_json(layout.results(arm) / "metrics.json", {"dpa": results_of(0.7), "padim": results_of(0.7)})
    results = read_results(["nih_ap"], ["padim"], [4, 7])
    assert {arm: list(detectors) for arm, detectors in results.items()} == {"nih_ap": ["padim"]}


def test_an_arm_without_results_says_what_to_run(in_folder: Path) -> None:
    with pytest.raises(PipelineError, match="dvc repro compute_metrics@nih_pa"):
        read_results(["nih_pa"], ["dpa"], [4, 7])


def test_results_that_are_no_json_are_named(in_folder: Path, results_of: ResultsOf) -> None:
    path = layout.results("nih_pa") / "metrics.json"
    write_json(path, {"dpa": results_of(0.7)})
    path.write_text(json.dumps({"dpa": results_of(0.7)})[:-9])
    with pytest.raises(PipelineError, match=r"metrics\.json is damaged, it is no JSON"):
        read_results(["nih_pa"], ["dpa"], [4, 7])


def test_results_of_other_seeds_are_refused(in_folder: Path, results_of: ResultsOf) -> None:
    write_json(layout.results("nih_pa") / "metrics.json", {"dpa": results_of(0.7)})
    with pytest.raises(
        PipelineError, match=r"is of the seeds \[4, 7\], params\.yaml names \[4, 8\]: run `dvc repro com"
    ):
        read_results(["nih_pa"], ["dpa"], [4, 8])


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": None},
        {"metrics": []},
        {"baselines": {"untrained": 0.5}},
        {"test": {}},
        {"above_reference": {"mean": 0.1}},
    ],
)
def test_results_of_another_form_are_named(in_folder: Path, results_of: ResultsOf, change: dict[str, object]) -> None:
    path = layout.results("nih_pa") / "metrics.json"
    write_json(path, {"dpa": {**results_of(0.7), **change}})
    with pytest.raises(PipelineError, match=r"metrics\.json .*: run `dvc repro compute_metrics@nih_pa`"):
        read_results(["nih_pa"], ["dpa"], [4, 7])
    write_json(path, {"dpa": {}})
    with pytest.raises(PipelineError, match=r"metrics\.json does not hold the results of this version"):
        read_results(["nih_pa"], ["dpa"], [4, 7])


def test_a_detector_without_results_is_named(in_folder: Path, results_of: ResultsOf) -> None:
    write_json(layout.results("nih_pa") / "metrics.json", {"dpa": results_of(0.7)})
    with pytest.raises(PipelineError, match=r"metrics\.json has no results of knn: run `dvc repro com"):
        read_results(["nih_pa"], ["dpa", "knn"], [4, 7])
