from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.params.editing import changed_yaml
from pipeline.params.file import parse_params
from pipeline.tuning.adopting import adopted, check_searched, listed
from pipeline.tuning.tables import read_trials
from tests.import_closure import ROOT
from tests.tuning.conftest import SEVERAL, Searched, SearchOf, dpa

TEXT = (ROOT / "arms" / "nih_ap.yaml").read_text(encoding="utf-8")
EARLY = {"patience": 1, "least_improvement": 0.0}


def trial(**columns: object) -> pd.Series:
    iterations = {f"iterations_{fold}": 4 for fold in range(3)}
    return pd.Series({"trial": 3, "latent": "two", "rate": "low"} | iterations | columns)


def adopted_by(searched: Searched, row: pd.Series) -> dict[str, Any]:
    return {**adopted(searched.arm, searched.params.compute, row).changes}


def test_a_trial_is_adopted_without_what_was_common_to_the_search(search_of: SearchOf) -> None:
    changes = adopted_by(search_of(), trial())
    assert changes == {"detectors.dpa.latent_dim": 2, "detectors.dpa.learning_rate": 0.0005}


def test_trials_that_stopped_early_leave_their_mean_number_of_iterations(search_of: SearchOf) -> None:
    row = trial(iterations_0=100, iterations_1=200, iterations_2=250)
    changes = adopted_by(search_of(common=dpa(grow=False, early_stopping=EARLY)), row)
    assert changes["detectors.dpa.schedule.16.stable"] == 183
    assert changes["detectors.dpa.grow"] is False


def test_iterations_of_earlier_phases_are_not_counted_as_the_last_one(search_of: SearchOf) -> None:
    row = trial(iterations_0=100, iterations_1=100, iterations_2=100)
    changes = adopted_by(search_of(common=dpa(early_stopping=EARLY)), row)
    assert changes["detectors.dpa.schedule.16.stable"] == 100 - 6 - 4


def test_stopping_that_was_an_option_is_replaced_by_the_iterations(search_of: SearchOf) -> None:
    row = trial(stopping="early", iterations_0=50, iterations_1=50, iterations_2=50)
    changes = adopted_by(search_of(space={"stopping": {"early": dpa(early_stopping=EARLY)}}), row)
    assert changes == {"detectors.dpa.schedule.16.stable": 50, "detectors.dpa.grow": False}


def test_a_resolution_that_was_an_option_becomes_a_step_of_the_schedule(search_of: SearchOf) -> None:
    step = {"layers": ["expand1"], "transition": 2, "stable": 2, "batch_size": 8}
    wide = dpa(schedule={"32": step}, channels=[8, 8, 8, 8]) | {"equalize_xrays": {"working_size": 32}}
    changes = adopted_by(search_of(space={"size": {"wide": wide}}), trial(size="wide"))
    assert changes.pop("detectors.dpa.channels") == [8, 8, 8, 8]
    assert changes.pop("equalize_xrays.working_size") == 32
    assert changes == {f"detectors.dpa.schedule.32.{name}": value for name, value in step.items()}
    after = YAML(typ="safe").load(changed_yaml(TEXT, {"detectors.dpa.schedule.128.stable": 3}))
    assert after["detectors"]["dpa"]["schedule"]["128"] == {"stable": 3}


@pytest.mark.parametrize("changed", [{"common": {}}, {"folds": 2}, {"anomalies": ["Nodule"]}, {"seed": 4}])
def test_a_search_with_other_settings_is_refused(search_of: SearchOf, tmp_path: Path, changed: dict[str, Any]) -> None:
    path = tmp_path / "search.json"
    write_json(path, search_of().arm.search.searched)
    check_searched(path, search_of(storage="other.log").arm)
    (name,) = changed
    with pytest.raises(PipelineError, match=rf"arms/demo_xrays\.yaml: tune\.{name} was another in the search"):
        check_searched(path, search_of(**changed).arm)


def test_without_a_search_there_is_nothing_to_adopt(search_of: SearchOf, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"search\.json is missing: run `make tune ARM=demo_xrays`"):
        check_searched(tmp_path / "search.json", search_of().arm)


def test_an_arm_that_was_not_searched_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"trials\.csv is missing: run `make tune ARM=nih_pa`"):
        read_trials(tmp_path / "trials.csv", "nih_pa")


def test_a_detector_is_adopted_with_its_settings(search_of: SearchOf) -> None:
    searched = search_of(**SEVERAL)
    row = trial(detector="knn, neighbours 3, by cosine")
    taken = adopted(searched.arm, searched.params.compute, row)
    assert taken.detector == "knn"
    assert taken.changes == {"detectors.knn.k": 3, "detectors.knn.distance": "cosine"}


@pytest.mark.parametrize(
    ("detector", "line"), [("knn", "quick_detectors:\n- mahalanobis\n- knn\n"), ("piad", "detectors:\n- dpa\n- piad\n")]
)
def test_a_detector_that_does_not_run_is_listed_behind_the_others(detector: str, line: str) -> None:
    text = changed_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"), {"quick_detectors": ["mahalanobis"]})
    after = listed(text, parse_params(text), detector)
    assert line in after
    assert len(after.splitlines()) == len(text.splitlines()) + 1
    assert listed(after, parse_params(after), detector) == after


def test_a_detector_that_runs_stays_where_it_is() -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for detector in ("dpa", "mahalanobis"):
        assert listed(text, parse_params(text), detector) == text
