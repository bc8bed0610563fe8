import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.reporting.facts import arm_facts
from tests.import_closure import ROOT
from tests.shipped import shipped_params


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """A params.yaml in which demo_xrays has a file of weights of its own."""
    content, path = shipped_params(), tmp_path / "params.yaml"
    content["train"]["demo_xrays"]["weights"] = str(tmp_path / "private/lite0.pth")
    YAML().dump(content, path)
    return path


def test_an_arm_has_its_own_parameters_and_those_that_all_share(params: Path) -> None:
    parameters = YAML(typ="safe").load(arm_facts(ROOT / "reports", "demo_xrays", (0, 1), params, True).parameters)
    assert set(parameters) == {
        "compute", "demo_data", "split_xrays", "equalize_xrays", "train", "evaluate", "compute_metrics",
    }  # fmt: skip
    assert parameters["train"]["latent_dim"] == 16
    assert parameters["compute_metrics"]["resamples"] == 2000


def test_no_folder_of_a_machine_is_named(params: Path) -> None:
    text = arm_facts(ROOT / "reports", "demo_xrays", (0,), params, True).parameters
    assert "weights: lite0.pth" in text
    assert "private" not in text


def test_pictures_are_named_from_the_report_on(params: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "reports", tmp_path / "reports")
    facts = arm_facts(tmp_path / "reports", "demo_xrays", (0, 2), params, True)
    assert facts.pictures == [Path("data/demo_xrays/images.png")]
    assert [run["device"] for run in facts.provenance] == ["cpu", "cpu"]
