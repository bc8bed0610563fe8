import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.reporting.facts import arm_facts, detector_facts
from pipeline.reporting.markdown import ArmFacts
from pipeline.reporting.plots import KINDS
from tests.import_closure import ROOT
from tests.shipped import with_values, write


@pytest.fixture
def facts(in_folder: Path) -> ArmFacts:
    """Those of nih_sample, with the committed reports and a file of weights of its own."""
    write(with_values(("arms/nih_sample.yaml:detectors.dpa.weights", str(in_folder / "private/lite0.pth"))))
    shutil.copytree(ROOT / "reports", in_folder / "reports")
    return arm_facts("nih_sample")


def test_an_arm_has_its_own_parameters_and_those_that_all_share(facts: ArmFacts) -> None:
    parameters = YAML(typ="safe").load(facts.parameters)
    own = {"kind", "split_xrays", "equalize_xrays", "evaluate", "detectors"}
    assert set(parameters) == own | {"compute", "compute_metrics"}
    assert parameters["detectors"]["dpa"]["latent_dim"] == 32
    assert parameters["compute_metrics"]["resamples"] == 2000


def test_no_folder_of_a_machine_is_named(facts: ArmFacts) -> None:
    assert "weights: lite0.pth" in facts.parameters
    assert "private" not in facts.parameters


def test_an_arm_is_told_of_in_the_words_of_its_kind(facts: ArmFacts) -> None:
    assert (facts.unit, facts.image) == ("patient", "X-ray")
    assert (arm_facts("demo_slides").unit, arm_facts("demo_slides").image) == ("slide", "tile")


def test_pictures_are_named_from_the_report_on(facts: ArmFacts) -> None:
    assert facts.pictures == [Path("data/nih_sample/images.png")]


@pytest.mark.usefixtures("facts")
def test_a_detector_has_what_each_of_its_runs_came_from() -> None:
    assert [run["device"] for run in detector_facts("nih_sample", "dpa", (0, 1)).provenance] == ["cpu", "cpu"]


@pytest.mark.usefixtures("facts")
def test_a_detector_has_the_pictures_that_there_are() -> None:
    Path("reports/figures/nih_sample-knn-history.png").unlink(missing_ok=True)
    dpa, knn = (detector_facts("nih_sample", name, (0, 1)) for name in ("dpa", "knn"))
    assert (dpa.growth, knn.growth) == (True, False)
    assert tuple(dpa.plots) == KINDS
    assert "history" not in knn.plots


@pytest.mark.usefixtures("facts")
def test_a_sheet_of_a_detector_that_draws_nothing_of_its_fit_is_not_shown() -> None:
    shutil.copytree("reports/runs/nih_sample/dpa", "reports/runs/nih_sample/knn", dirs_exist_ok=True)
    assert Path("reports/runs/nih_sample/knn/seed-0/growth.png").is_file()
    assert not detector_facts("nih_sample", "knn", (0,)).growth
