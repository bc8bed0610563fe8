import json
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.arms import Arm
from pipeline.data.xrays.settings import Settings as XraySettings
from pipeline.errors import PipelineError
from pipeline.params.file import Params
from pipeline.tuning.space import Space
from stages import check_params
from tests.shipped import shipped, with_values, write
from tests.tuning.conftest import DETECTORS, SEVERAL, SPACE, SearchOf, dpa, tune


def test_members_are_all_combinations_the_last_dimension_first(search_of: SearchOf) -> None:
    members = search_of().space.members
    assert [tuple(one.options.values()) for one in members] == [
        ("two", "low"),
        ("two", "high"),
        ("four", "low"),
        ("four", "high"),
    ]
    assert [(one.arm.detector("dpa").latent_dim, one.arm.detector("dpa").learning_rate) for one in members] == [
        (2, 0.0005),
        (2, 0.005),
        (4, 0.0005),
        (4, 0.005),
    ]


def test_what_is_common_holds_for_all_and_a_step_is_changed_by_its_resolution(search_of: SearchOf) -> None:
    for one in search_of().space.members:
        assert not one.arm.detector("dpa").grow
        assert [step.stable for step in one.arm.detector("dpa").schedule.values()] == [6, 4]
        assert one.arm.detector("dpa").channels == search_of().arm.detector("dpa").channels


def test_preprocessing_can_be_searched(search_of: SearchOf) -> None:
    space = {"equalization": {name: {"equalize_xrays": {"equalization": name}} for name in ("none", "clahe")}}
    members = search_of(space=space).space.members
    assert [one.arm.data_as(XraySettings).equalize_xrays.equalization for one in members] == ["none", "clahe"]


def test_a_null_can_become_a_group(search_of: SearchOf) -> None:
    stopping = dpa(early_stopping={"patience": 1, "least_improvement": 0.01})
    (one,) = search_of(space={"stopping": {"early": stopping}}).space.members
    assert one.arm.detector("dpa").early_stopping is not None
    assert one.arm.detector("dpa").early_stopping.patience == 1


def test_changes_are_paths_of_the_arms_file_without_what_is_common(search_of: SearchOf) -> None:
    assert search_of().space.changes({"latent": "two", "rate": "low"}) == {
        "detectors.dpa.latent_dim": 2,
        "detectors.dpa.learning_rate": 0.0005,
    }
    layers = {"layer": {"deep": dpa(schedule={"last": {"layers": ["expand2"]}})}}
    assert search_of(space=layers).space.changes({"layer": "deep"}) == {"detectors.dpa.schedule.16.layers": ["expand2"]}


@pytest.mark.parametrize("arm", ["camelyon16", "nih_subset", "nih_pa", "nih_ap", "demo_slides", "demo_xrays"])
def test_the_shipped_spaces_are_possible(params: Params, arm: str) -> None:
    searched = Arm(arm, shipped()[f"arms/{arm}.yaml"])
    space = Space(searched, params.compute)
    assert len(space.members) == searched.search.size
    if arm.startswith("demo"):
        return
    assert {option for options in space.choices.values() for option in options} >= {"r32", "r42", "r32_r42"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dpa(latent_dimm=4), r"detectors\.dpa\.latent_dimm: is not a known key; is it misspelt\?"),
        (dpa(latent_dim=-1), r"latent_dim: Input should be greater than 0 \(found -1\)"),
        (dpa(schedule={"64": {"stable": 3}}), r"detectors\.dpa\.schedule\.64\.layers: is missing"),
        (
            {"normalize_tiles": {"working_size": 64}},
            "normalize_tiles.working_size cannot be searched: choose from detectors.dpa, equalize_x",
        ),
        ({"equalize_xrays": {"working_size": 32}}, "working_size is 32, detectors.dpa sees 16 px: they must"),
        (dpa(channels=[8, 8]), "channels has 2 numbers"),
    ],
)
def test_an_impossible_member_is_named(search_of: SearchOf, change: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError, match=rf"arms/demo_xrays\.yaml: tune\.space, odd: yes: .*{message}"):
        _ = search_of(space={"odd": {"yes": change}}).space


def test_what_is_common_and_impossible_is_named_as_such(search_of: SearchOf) -> None:
    with pytest.raises(
        PipelineError, match=r"arms/demo_xrays\.yaml: tune\.common: detectors\.dpa\.grown: is not a known"
    ):
        _ = search_of(common=dpa(grown=False)).space


def test_a_preprocessing_is_checked_for_a_detector_of_whole_images_too(search_of: SearchOf) -> None:
    space = {"odd": {"yes": {"equalize_xrays": {"equalisation": "none"}}}}
    with pytest.raises(PipelineError, match=r"odd: yes: equalize_xrays\.equalisation: is not a known key"):
        _ = search_of(detector="colour_statistics", common={}, space=space).space


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("arm", ["demo_xrays", "nih_ap"])
def test_the_first_stage_refuses_an_impossible_search_of_any_arm(arm: str) -> None:
    write(with_values((f"arms/{arm}.yaml:tune.space.latent", {"odd": dpa(latent_dim="many")})))
    with pytest.raises(
        PipelineError, match=rf"arms/{arm}\.yaml: tune\.space, .*latent: odd.*: detectors\.dpa\.latent_dim: "
    ):
        check_params.main()


def test_a_combination_of_possible_options_can_be_impossible(search_of: SearchOf) -> None:
    space = {
        "latent": {"small": dpa(latent_size=1), "large": dpa(latent_size=8)},
        "channels": {"three": dpa(channels=[4, 4, 4])},
    }
    with pytest.raises(PipelineError, match=r"latent: large, channels: three: detectors\.dpa\.channels has 3 numbers"):
        _ = search_of(space=space).space


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
    ],
)
def test_an_empty_or_contradictory_search_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tune(**changed)


def test_the_order_of_a_space_is_that_of_the_file() -> None:
    assert json.dumps(list(tune().space)) == '["latent", "rate"]'


def test_several_detectors_have_a_space_each_beside_what_they_share(search_of: SearchOf) -> None:
    searched = search_of(**SEVERAL | {"space": DETECTORS})
    members = searched.space.members
    assert [(one.options["equalization"], one.options["detector"], one.detector) for one in members] == [
        (equalization, option, option.split(",")[0])
        for equalization in ("none", "histogram")
        for option in ("knn, neighbours 1, by cosine", "knn, neighbours 3, by cosine", "mahalanobis")
    ]
    assert len(members) == searched.arm.search.size == 6
    assert searched.arm.search.detectors == ("knn", "mahalanobis")
    knn: Any = members[4].arm.detector("knn")
    assert (knn.k, knn.distance, knn.layers) == (3, "cosine", ("expand5",))
    assert members[5].arm.data_as(XraySettings).equalize_xrays.equalization == "histogram"


def test_changes_are_those_of_the_detector_that_is_chosen(search_of: SearchOf) -> None:
    quicker = {"detectors": {"knn": {"input_size": 32}, "mahalanobis": {"input_size": 32}}}
    space = search_of(**SEVERAL | {"common": quicker}).space
    chosen = {"detector": "knn, neighbours 3, by cosine"}
    assert space.changes(chosen) == {"detectors.knn.k": 3, "detectors.knn.distance": "cosine"}
    assert space.changes({"detector": "mahalanobis"}) == {}
    assert space.searched({"detector": "mahalanobis"}) == {"detectors.mahalanobis.input_size": 32}


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        (
            {"knn": {"k": {"many": {"kk": 3}}}},
            r"tune\.space, detector: knn, k many: detectors\.knn\.kk: is not a known key",
        ),
        ({"knn": {}, "knnn": {}}, "tune searches knnn, but detectors has no such key: `knnn: {}` takes its defaults"),
    ],
)
def test_an_impossible_detector_is_named(search_of: SearchOf, spaces: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError, match=rf"^arms/demo_xrays\.yaml: {message}"):
        _ = search_of(**SEVERAL | {"space": {"detector": spaces}}).space


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"detector": None}, "names the one whose settings are searched, or space.detector names several"),
        ({"space": {"detector": {"knn": {}}}}, "have one of them"),
        *(
            (SEVERAL | {"space": {"detector": {"knn": {"k": options}}}}, "space.detector.knn.k: name options")
            for options in ({}, {"one": 1}, {"one, two": {"k": 1}})
        ),
        (SEVERAL | {"space": {"detector": {"knn": {"a, b": {"one": {}}}}}}, "space.detector.knn.a, b: name options"),
        (SEVERAL | {"space": {"detector": {}}}, "space.detector"),
    ],
)
def test_a_search_is_of_one_detector_or_of_several(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tune(**changed)
