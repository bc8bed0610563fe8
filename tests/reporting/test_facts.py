import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.reporting.facts import arm_facts, detector_facts
from pipeline.reporting.markdown import ArmFacts
from tests.import_closure import ROOT
from tests.shipped import shipped_params


@pytest.fixture
def facts(in_folder: Path) -> ArmFacts:
    """Those of demo_xrays, with the committed reports and a file of weights of its own."""
    content = shipped_params()
    content["train"]["demo_xrays"]["weights"] = str(in_folder / "private/lite0.pth")
    YAML().dump(content, in_folder / "params.yaml")
    shutil.copytree(ROOT / "reports", in_folder / "reports")
    return arm_facts("demo_xrays")


def test_an_arm_has_its_own_parameters_and_those_that_all_share(facts: ArmFacts) -> None:
    parameters = YAML(typ="safe").load(facts.parameters)
    assert set(parameters) == {
        "compute", "demo_data", "split_xrays", "equalize_xrays", "train", "evaluate", "compute_metrics",
    }  # fmt: skip
    assert parameters["train"]["latent_dim"] == 16
    assert parameters["compute_metrics"]["resamples"] == 2000


def test_no_folder_of_a_machine_is_named(facts: ArmFacts) -> None:
    assert "weights: lite0.pth" in facts.parameters
    assert "private" not in facts.parameters


def test_pictures_are_named_from_the_report_on(facts: ArmFacts) -> None:
    assert facts.pictures == [Path("data/demo_xrays/images.png")]


@pytest.mark.usefixtures("facts")
def test_a_detector_has_what_each_of_its_runs_came_from() -> None:
    assert [run["device"] for run in detector_facts("demo_xrays", "dpa", (0, 2)).provenance] == ["cpu", "cpu"]
