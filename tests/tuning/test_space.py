import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.data.xrays.settings import Settings as XraySettings
from pipeline.errors import PipelineError
from pipeline.params.file import Params
from pipeline.tuning.space import Space
from tests.tuning.conftest import ARM, SPACE, tune

ParamsOf = Callable[..., Params]


def test_members_are_all_combinations_the_last_dimension_first(params_of: ParamsOf) -> None:
    members = Space(params_of(), ARM).members
    assert [tuple(one.options.values()) for one in members] == [
        ("two", "low"),
        ("two", "high"),
        ("four", "low"),
        ("four", "high"),
    ]
    assert [(one.train.latent_dim, one.train.learning_rate) for one in members] == [
        (2, 0.0005),
        (2, 0.005),
        (4, 0.0005),
        (4, 0.005),
    ]


def test_what_is_common_holds_for_all_and_a_list_is_changed_by_number(params_of: ParamsOf) -> None:
    params = params_of()
    for one in Space(params, ARM).members:
        assert not one.train.grow
        assert [step.stable for step in one.train.schedule] == [6, 4]
        assert one.train.channels == params.train[ARM].channels


def test_preprocessing_can_be_searched(params_of: ParamsOf) -> None:
    space = {"equalization": {name: {"equalize_xrays": {"equalization": name}} for name in ("none", "clahe")}}
    found = [member.data for member in Space(params_of(space=space), ARM).members]
    assert [data.equalize_xrays.equalization for data in found if isinstance(data, XraySettings)] == ["none", "clahe"]


def test_a_null_can_become_a_group(params_of: ParamsOf) -> None:
    stopping = {"train": {"early_stopping": {"patience": 1, "least_improvement": 0.01}}}
    (one,) = Space(params_of(space={"stopping": {"early": stopping}}), ARM).members
    assert one.train.early_stopping is not None
    assert one.train.early_stopping.patience == 1


def test_changes_are_paths_of_params_yaml_without_what_is_common(params_of: ParamsOf) -> None:
    assert Space(params_of(), ARM).changes({"latent": "four", "rate": "low"}) == {
        f"train.{ARM}.latent_dim": 4,
        f"train.{ARM}.learning_rate": 0.0005,
    }
    layers = {"layer": {"deep": {"train": {"schedule": {"1": {"layers": ["expand2"]}}}}}}
    assert Space(params_of(space=layers), ARM).changes({"layer": "deep"}) == {
        f"train.{ARM}.schedule.1.layers": ["expand2"]
    }


@pytest.mark.parametrize("arm", ["camelyon16", "nih_subset", "nih_pa", "nih_ap", "demo_slides", "demo_xrays"])
def test_the_spaces_of_params_yaml_are_possible(all_params: Params, arm: str) -> None:
    space = Space(all_params, arm)
    assert len(space.members) == all_params.tune[arm].size
    if arm.startswith("demo"):
        return
    assert {option for options in space.choices.values() for option in options} >= {"r32", "r42", "r32_r42"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": {"latent_dimm": 4}}, r"train\.latent_dimm is not a known key; is it misspelt\?"),
        ({"train": {"latent_dim": -1}}, r"latent_dim: Input should be greater than 0 \(found -1\)"),
        ({"train": {"schedule": {"7": {"stable": 3}}}}, r"train\.schedule\.7 is not a known key"),
        (
            {"normalize_tiles": {"working_size": 64}},
            "normalize_tiles cannot be searched: choose from train, equalize_x",
        ),
        (
            {"equalize_xrays": {"working_size": 32}},
            "working_size is 32, train.demo_xrays sees 16 px: they must",
        ),
        ({"train": {"channels": [8, 8]}}, "channels has 2 numbers"),
    ],
)
def test_an_impossible_member_is_named(params_of: ParamsOf, change: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError, match=rf"params\.yaml: tune\.demo_xrays\.space, odd: yes: .*{message}"):
        Space(params_of(space={"odd": {"yes": change}}), ARM)


def test_a_combination_of_possible_options_can_be_impossible(params_of: ParamsOf) -> None:
    space = {
        "latent": {"small": {"train": {"latent_size": 1}}, "large": {"train": {"latent_size": 8}}},
        "channels": {"three": {"train": {"channels": [4, 4, 4]}}},
    }
    with pytest.raises(PipelineError, match=r"latent: large, channels: three: channels has 3 numbers"):
        Space(params_of(space=space), ARM)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"space": {}}, "space"),
        ({"space": {"latent": {}}}, "space.latent"),
        ({"anomalies": []}, "anomalies"),
        ({"sampler": "grid", "trials": 3}, "trials is null for the sampler grid"),
        ({"sampler": "tpe"}, "a number for the others"),
        ({"sampler": "random", "trials": 5}, "trials is 5, but the space has only 4 combinations"),
        ({"folds": 1}, "folds"),
        *(({"space": {name: SPACE["latent"]}}, "a column of trials.csv has this name") for name in ("loss", "seed_1")),
        ({"space": {"latent": {"64 px, wide": {}}}}, "64 px, wide"),
        ({"space": {"a": {"b": {"evaluate": {}}}}}, "space.a.b.evaluate"),
    ],
)
def test_an_empty_or_contradictory_search_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tune(**changed)


def test_the_order_of_a_space_is_that_of_the_file() -> None:
    assert json.dumps(list(tune().space)) == '["latent", "rate"]'
