from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.errors import PipelineError
from pipeline.files import write_json
from pipeline.params.file import Params
from pipeline.tuning.adopting import adopted, changed_yaml, check_searched
from pipeline.tuning.tables import read_trials
from tests.import_closure import ROOT
from tests.tuning.conftest import ARM

ParamsOf = Callable[..., Params]
TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")


def test_nothing_to_change_changes_no_byte() -> None:
    assert changed_yaml(TEXT, {}) == TEXT


def test_only_the_named_lines_change_and_comments_stay() -> None:
    changes = {"arms/nih_ap.yaml:detectors.dpa.latent_dim": 7, "arms/nih_pa.yaml:detectors.dpa.schedule.64.layers": ["r32", "r42"], "seeds.1": 9}
    before, after = TEXT.splitlines(), changed_yaml(TEXT, changes).splitlines()
    gone, new = [line for line in before if line not in after], [line for line in after if line not in before]
    assert len(after) == len(before) + 1
    assert [line.strip() for line in new] == ["- 9", "latent_dim: 7"]
    assert gone == ["- 1", "    latent_dim: 64"]
    assert sum("#" in line for line in after) == sum("#" in line for line in before)


def trial(**columns: object) -> pd.Series:
    return pd.Series({"trial": 3, "latent": "four", "rate": "low"} | columns)


def test_a_trial_is_adopted_without_what_was_common_to_the_search(params_of: ParamsOf) -> None:
    assert adopted(params_of(), ARM, trial()) == {
        f"train.{ARM}.latent_dim": 4,
        f"train.{ARM}.learning_rate": 0.0005,
    }


def test_trials_that_stopped_early_leave_their_mean_number_of_iterations(params_of: ParamsOf) -> None:
    early = {"train": {"grow": False, "early_stopping": {"patience": 1, "least_improvement": 0.0}}}
    row = trial(iterations_0=100, iterations_1=200, iterations_2=250)
    found = adopted(params_of(common=early), ARM, row)
    assert found[f"train.{ARM}.schedule.1.stable"] == 183
    assert found[f"train.{ARM}.early_stopping"] is None
    assert found[f"train.{ARM}.grow"] is False


def test_iterations_of_earlier_phases_are_not_counted_as_the_last_one(params_of: ParamsOf) -> None:
    early = {"train": {"early_stopping": {"patience": 1, "least_improvement": 0.0}}}
    row = trial(iterations_0=100, iterations_1=100, iterations_2=100)
    assert adopted(params_of(common=early), ARM, row)[f"train.{ARM}.schedule.1.stable"] == 100 - 6 - 4


def test_stopping_that_was_an_option_is_replaced_by_the_iterations(params_of: ParamsOf) -> None:
    early = {"train": {"early_stopping": {"patience": 1, "least_improvement": 0.0}}}
    row = pd.Series({"stopping": "early", "iterations_0": 50, "iterations_1": 50, "iterations_2": 50})
    found = adopted(params_of(space={"stopping": {"early": early}}), ARM, row)
    assert {path for path in found if "early_stopping" in path} == {f"train.{ARM}.early_stopping"}


def test_a_group_that_was_null_is_made() -> None:
    after = changed_yaml(TEXT, {"arms/nih_ap.yaml:detectors.dpa.early_stopping.patience": 3})
    content = YAML(typ="safe").load(after)
    assert content["train"]["nih_ap"]["early_stopping"] == {"patience": 3}


@pytest.mark.parametrize("changed", [{"common": {}}, {"folds": 2}, {"anomalies": ["Nodule"]}, {"seed": 4}])
def test_a_search_with_other_settings_is_refused(params_of: ParamsOf, tmp_path: Path, changed: dict[str, Any]) -> None:
    path = tmp_path / "search.json"
    write_json(path, params_of().tune[ARM].searched)
    check_searched(path, params_of(storage="other.log"), ARM)
    (name,) = changed
    with pytest.raises(PipelineError, match=rf"tune\.demo_xrays\.{name} of params\.yaml was another in the search"):
        check_searched(path, params_of(**changed), ARM)


def test_without_a_search_there_is_nothing_to_adopt(params_of: ParamsOf, tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"search\.json is missing: run `make tune ARM=demo_xrays`"):
        check_searched(tmp_path / "search.json", params_of(), ARM)


def test_an_arm_that_was_not_searched_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"trials\.csv is missing: run `make tune ARM=nih_pa`"):
        read_trials(tmp_path / "trials.csv", "nih_pa")
