"""The paper's figures: `row` finds one by its method and settings."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.detectors.registry import names, words_of
from pipeline.reporting.paper import (
    MEDICAL_TEST_IMAGES,
    NATURAL_ARMS,
    PAPER_TABLE_1,
    PAPER_TABLE_2,
    PAPER_TABLE_5,
    PAPER_TEST_IMAGES,
    QUOTED_FROM,
)
from pipeline.reporting.paper_natural import natural_section
from pipeline.reporting.paper_tables import above_paper, medical_section, paper_figures

ResultsOf = Callable[..., dict[str, Any]]


def row(text: str, method: str, settings: str) -> list[str]:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    (found,) = [line[2:] for line in lines if line[:2] == [method, settings]]
    return found


def test_table_2_stands_as_a_whole(results_of: ResultsOf) -> None:
    text = medical_section({"demo_xrays": {"dpa": results_of(0.9, 0.9)}})
    authors = "the paper's authors"
    assert row(text, "Deep GEO", "default") == ["52.4 ± 11.1", "85.8 ± 0.6", "60.2 ± 2.6", "53.1 ± 0.3", authors]
    assert row(text, "PIAD", "tuned") == ["89.5 ± 0.6", "87.3 ± 0.9", "68.7 ± 0.5", "58.6 ± 0.3", authors]
    assert row(text, "Deep IF", "tuned") == ["90.6 ± 0.3", "85.3 ± 0.4", "47.2 ± 0.4", "56.1 ± 0.2", authors]
    assert row(text, "DPA", "with growth") == ["93.4 ± 0.3", "92.6 ± 0.2", "70.8 ± 0.1", "58.5 ± 0.0", authors]


def test_what_the_paper_quotes_is_marked_with_who_made_it(results_of: ResultsOf) -> None:
    results = {"demo_xrays": {"dpa": results_of(0.9, 0.9)}}
    text, natural = medical_section(results), natural_section(results)
    assert row(text, "DAOL", "tuned") == ["–", "80.5 ± 2.1", "–", "–", "quoted from the paper of DAOL"]
    assert row(natural, "OCGAN", "default") == ["65.7", "–", "quoted from the paper of OCGAN"]
    for method, areas in (("AnoGAN", ["57.6", "53.3"]), ("DAGMM", ["57.5", "51.8"]), ("DSEBM", ["58.8", "57.1"])):
        assert row(natural, method, "default") == [*areas, "quoted from the paper of Deep IF"]
    assert row(natural, "Deep GEO", "tuned") == ["86.5", "93.5", "the paper's authors"]
    assert {*QUOTED_FROM} <= {*PAPER_TABLE_1, *PAPER_TABLE_2}
    assert natural.startswith("<details>")
    assert "Our runs of these are not part of\nthis report." in natural


def test_ours_stand_below_the_papers_and_say_what_was_not_run(results_of: ResultsOf) -> None:
    few = results_of(0.6, 0.6, test={"images": 171})
    text = medical_section({"nih_pa": {"dpa": results_of(0.70, 0.71), "deep_if": few, "colour_statistics": few}})
    assert row(text, "DPA", "ours") == ["not run", "not run", "70.5 ± 0.7", "not run", "this report"]
    assert row(text, "Deep IF", "ours")[2] == "60.0 ± 0.0 (other images)"
    assert "colour" not in text


def test_a_figure_is_compared_with_the_settings_that_the_authors_chose(results_of: ResultsOf) -> None:
    assert paper_figures("deep_if", "nih_pa") == "default 52.2 ± 0.5, tuned 47.2 ± 0.4"
    assert above_paper("deep_if", "nih_pa", results_of(0.5, 0.5)) == "+2.8"
    assert above_paper("deep_if", "mine", results_of(0.5, 0.5)) == "–"
    assert paper_figures("colour_statistics", "nih_pa") == "–"
    assert paper_figures("deep_if", "svhn_2") == "default 51.9 ± 0.8, tuned 51.1 ± 0.8"
    assert paper_figures("ganomaly", "cifar10_cat") == "–"
    assert above_paper("dpa", "cifar10_cat", results_of(0.6, 0.6, test={"images": 10_000})) == "+1.3"
    assert above_paper("piad", "svhn_6", results_of(0.7, 0.7, test={"images": 260})) == "-0.6 (other images)"


@pytest.mark.parametrize("detector", names())
def test_a_detector_names_a_method_of_the_paper_or_none(detector: str) -> None:
    assert words_of(detector).paper in ("", *PAPER_TABLE_2, *PAPER_TABLE_1)


def test_every_method_that_was_run_has_all_arms() -> None:
    run = [settings for method, settings in PAPER_TABLE_2.items() if method not in QUOTED_FROM]
    assert all(set(arms) == set(MEDICAL_TEST_IMAGES) for settings in run for arms in settings.values())
    natural = {arm for arms in NATURAL_ARMS.values() for arm in arms}
    assert all(set(arms) == natural for settings in PAPER_TABLE_5.values() for arms in settings.values())
    assert natural | {*MEDICAL_TEST_IMAGES} == {*PAPER_TEST_IMAGES}


def test_the_averages_of_table_5_are_those_of_table_1() -> None:
    for method, settings in PAPER_TABLE_5.items():
        for setting, arms in settings.items():
            for of_collection, expected in zip(NATURAL_ARMS.values(), PAPER_TABLE_1[method][setting], strict=True):
                average = sum(arms[arm][0] for arm in of_collection) / 10
                assert average == pytest.approx(expected, abs=0.0501)  # rounded, ten times and once
