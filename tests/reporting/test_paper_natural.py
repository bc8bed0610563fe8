"""The paper's figures of natural images beside ours."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from pipeline.natural import TABLE, Experiment, Kind, experiments
from pipeline.reporting.paper import NATURAL_ARMS
from pipeline.reporting.paper_natural import natural_section
from tests.import_closure import ROOT
from tests.reporting.test_paper_tables import ResultsOf, row
from tests.shipped import shipped, write

Ran = Callable[..., str]


@pytest.fixture
def known(in_folder: Path) -> dict[str, Experiment]:
    """The experiments, whose arms have the paper's tuned settings."""
    write(shipped())
    shutil.copy(ROOT / TABLE, TABLE)
    found = {experiment.arm: experiment for experiment in experiments()}
    for experiment in found.values():
        write_arm(experiment, "tuned")
    return found


def write_arm(experiment: Experiment, kind: Kind, **others: dict[str, Any]) -> None:
    content = shipped()[f"arms/{experiment.collection}.yaml"]
    for changes in (experiment.detectors(kind), others):
        for detector, own in changes.items():
            content["detectors"][detector] |= own
    Path(f"arms/{experiment.arm}.yaml").write_text(json.dumps(content), encoding="utf-8")


def averages(text: str) -> str:
    return text.partition("### ")[0]


def classes(text: str, name: str) -> str:
    return text.partition(f"### {name}, class by class")[2].partition("### ")[0]


@pytest.fixture
def of_cifar10(results_of: ResultsOf) -> dict[str, dict[str, Any]]:
    """All classes with two seeds: 80 and 82, 81 and 83 …"""
    images = {"images": 10_000}
    return {
        arm: {"dpa": results_of(0.80 + number / 100, 0.82 + number / 100, test=images)}
        for number, arm in enumerate(NATURAL_ARMS["cifar10"])
    }


@pytest.mark.usefixtures("known")
def test_ours_is_averaged_over_all_ten_classes_beside_the_papers_average(of_cifar10: dict[str, Any]) -> None:
    text = natural_section(of_cifar10)
    assert row(averages(text), "DPA", "without growth") == ["83.9", "80.3", "the paper's authors"]
    # the deviation is that of the averages of both seeds, 84.5 and 86.5
    assert row(averages(text), "DPA", "ours") == ["85.5 ± 1.4", "not run", "this report"]
    assert "### SVHN" not in text


@pytest.mark.usefixtures("known")
def test_a_mean_of_fewer_classes_is_not_called_the_average(of_cifar10: dict[str, Any]) -> None:
    some = {arm: of_cifar10[arm] for arm in ("cifar10_airplane", "cifar10_bird")}
    assert row(averages(natural_section(some)), "DPA", "ours")[0] == "82.0 ± 1.4 (2 of 10 classes)"


@pytest.mark.usefixtures("known")
def test_each_class_stands_below_its_figures_in_the_paper(of_cifar10: dict[str, Any], results_of: ResultsOf) -> None:
    digits = {"svhn_3": {"dpa": results_of(0.7, 0.7, test={"images": 26_032})}}
    text = natural_section({**digits, **of_cifar10})
    cifar10 = classes(text, "CIFAR10")
    assert row(cifar10, "DPA", "without growth")[3] == "58.7 ± 1.2"
    assert row(cifar10, "DPA", "ours")[3] == "84.0 ± 1.4"
    assert row(cifar10, "Deep GEO", "tuned")[0] == "75.7 ± 1.0"
    svhn = classes(text, "SVHN")
    assert row(svhn, "DPA", "ours") == ["–", "–", "–", "70.0 ± 0.0", *["–"] * 6]
    assert row(svhn, "PIAD", "default")[9] == "77.4 ± 0.3"
    head = [cell.strip() for cell in svhn.splitlines()[4].strip("|").split("|")]
    assert head == ["method", "settings", *"0123456789"]


def test_it_is_said_which_of_the_papers_settings_ours_are_of(
    known: dict[str, Experiment], results_of: ResultsOf
) -> None:
    arms = ("svhn_5", "svhn_6")
    single = results_of(0.7, 0.7, test={"images": 26_032})
    names = ("dpa", "deep_if", "knn", "ganomaly")
    results = {arm: dict.fromkeys(names, single) for arm in arms}
    said = averages(natural_section(results))
    area = "70.0 ± 0.0 (2 of 10 classes)"
    for method, settings in (("DPA", "ours"), ("GANomaly", "ours"), ("Deep IF", "ours, as tuned"), ("kNN", "ours")):
        assert row(said, method, settings) == ["not run", area, "this report"]
    assert said.index("kNN") > said.index("without growth")  # below the methods of the paper
    for arm in arms:
        write_arm(known[arm], "default")
    assert row(averages(natural_section(results)), "Deep IF", "ours, as default")[1] == area
    write_arm(known["svhn_6"], "tuned")  # each is as published, but not in the same way
    assert row(averages(natural_section(results)), "Deep IF", "ours, as neither")[1] == area
    write_arm(known["svhn_6"], "default", dpa={"latent_dim": 31}, ganomaly={"epochs": 16})
    said = averages(natural_section(results))
    assert row(said, "DPA", "ours, as neither")[1] == row(said, "GANomaly", "ours, as neither")[1] == area


@pytest.mark.usefixtures("known")
def test_other_test_images_than_the_papers_are_said_to_be_others(
    of_cifar10: dict[str, Any], results_of: ResultsOf
) -> None:
    of_cifar10["cifar10_frog"] = {"dpa": results_of(0.8, 0.8, test={"images": 100})}
    text = natural_section(of_cifar10)
    assert row(averages(text), "DPA", "ours")[0].endswith(" (other images)")
    assert row(classes(text, "CIFAR10"), "DPA", "ours")[5:8] == [
        "86.0 ± 1.4",
        "80.0 ± 0.0 (other images)",
        "88.0 ± 1.4",
    ]


def test_the_report_and_the_table_of_settings_name_the_same_arms(known: dict[str, Experiment]) -> None:
    assert [*known] == [arm for arms in NATURAL_ARMS.values() for arm in arms]
    assert get_args(Kind) == ("default", "tuned")
