import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from pipeline.errors import PipelineError
from pipeline.evaluation.breakdown import COLUMNS
from pipeline.evaluation.metrics import METRICS
from pipeline.reporting.markdown import ArmFacts, DetectorFacts, report_text
from tests.reporting.conftest import beaten, figure

ResultsOf = Callable[..., dict[str, Any]]


def facts_of(arm: str, **changed: Any) -> ArmFacts:
    known: dict[str, Any] = {
        "generated": arm.startswith("demo"),
        "unit": "patient",
        "image": "X-ray",
        "counts": pd.DataFrame({"split": ["train"], "images": [f"those of {arm}"]}),
        "pictures": [Path("data", arm, "images.png")],
        "parameters": f"train:\n  note: {arm} has some\n",
        "tuning": "",
    }
    return ArmFacts(**known | {name: value for name, value in changed.items() if name in known})


def run_of(**changed: Any) -> DetectorFacts:
    source = {"raw_files": 3, "raw_bytes": 42_000_000, "inventory_md5": "1a", "images_md5": "2b", "model_md5": "3c"}
    known: dict[str, Any] = {
        "seeds": (4, 7),
        "plots": ("roc", "history"),
        "growth": True,
        "breakdown": pd.DataFrame([["finding", "Mass", 7, 5, 0.8, 0.1, 0.7, None, 0.25]], columns=COLUMNS),
        "provenance": [source | {"device": "cpu", "libraries": {"python": "3.11.7", "torch": "2.14.1"}}] * 2,
    }
    return DetectorFacts(**known | {name: value for name, value in changed.items() if name in known})


def report_on(results: dict[str, Any], detectors: tuple[str, ...] = ("dpa",), **facts: Any) -> str:
    """The report of detectors with the same results."""
    return report_text(
        {arm: dict.fromkeys(detectors, of_arm) for arm, of_arm in results.items()},
        {arm: facts_of(arm, **facts) for arm in results},
        {arm: dict.fromkeys(detectors, run_of(**facts)) for arm in results},
    )


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def row_of(text: str, name: str) -> dict[str, str]:
    """The row that begins with a name, by the heads of its columns."""
    lines = text.splitlines()
    number = next(k for k, line in enumerate(lines) if line.startswith(f"| {name} "))
    head = next(lines[k - 1] for k in range(number, 0, -1) if lines[k].startswith("|--"))
    return dict(zip(cells(head), cells(lines[number]), strict=True))


def test_our_figure_stands_beside_the_papers_with_difference_and_interval(results_of: ResultsOf) -> None:
    row = row_of(report_on({"nih_pa": results_of(0.70, 0.71)}), "nih_pa")
    assert row["ROC AUC"] == "70.5 ± 0.7"
    assert row["95 % interval"] == "60.0 to 90.0"
    assert row["paper"] == "without growth 70.3 ± 0.2, with growth 70.8 ± 0.1"
    assert row["ours − paper"] == "-0.3"
    assert row["test images"] == "11000 (paper: 11096)"


def test_a_figure_on_a_part_of_the_papers_test_images_says_so(results_of: ResultsOf) -> None:
    results = results_of(0.70, 0.71)
    row = row_of(report_on({"nih_pa": results | {"test": results["test"] | {"images": 171}}}), "nih_pa")
    assert (row["ours − paper"], row["test images"]) == ("-0.3 (other images)", "171 (paper: 11096)")


def test_a_report_on_data_of_ones_own_says_nothing_of_the_paper(results_of: ResultsOf) -> None:
    text = report_on({"mine": results_of(0.7, 0.7)})
    row = row_of(text, "mine")
    assert list(row) == ["arm", "ROC AUC", "95 % interval", "best baseline", "test images"]
    assert not [word for word in ("not run", "paper", "Camelyon16", "nih_") if word in text]


def test_the_demo_stands_for_the_papers_arms(results_of: ResultsOf) -> None:
    assert "\n## The paper's figures\n" in report_on({"demo_xrays": results_of(0.9, 0.9)})


def test_one_seed_is_said_beside_the_intervals(results_of: ResultsOf) -> None:
    said = "One seed was trained, so that no interval holds the noise of seeds"
    one = results_of(0.7, metrics={name: figure(0.7) for name in METRICS}, operating_point=None)
    assert said in report_on({"nih_pa": one}, seeds=(4,))
    assert said not in report_on({"nih_pa": results_of(0.7, 0.7)})


@pytest.mark.parametrize(
    ("above", "verdict"),
    [
        ({"mean": 0.15, "low": 0.1, "high": 0.2}, "beaten"),
        ({"mean": 0.15, "low": -0.1, "high": 0.4}, "not told apart"),
        ({"mean": -0.15, "low": -0.2, "high": -0.1}, "better than the detector"),
        ({"mean": 0.15, "low": None, "high": None}, "n/a"),
    ],
)
def test_a_baseline_is_beaten_only_beyond_the_interval(
    results_of: ResultsOf, above: dict[str, float | None], verdict: str
) -> None:
    results = results_of(0.7, 0.7)
    results["baselines"]["pixel_l1"] = {"roc_auc": figure(0.79, 0.81), "detector_above": above}
    text = report_on({"nih_pa": results})
    assert row_of(text, "pixel L1")[""] == verdict
    assert row_of(text, "nih_pa")["best baseline"] == f"80.0 ± 1.4 (pixel L1): {verdict}"


def test_a_column_of_scores_that_nobody_names_is_no_baseline(results_of: ResultsOf) -> None:
    results = results_of(0.7, 0.7)
    results["baselines"]["notes"] = results["baselines"]["pixel_l1"]
    with pytest.raises(PipelineError, match=r"^reports/scores/nih_pa/dpa: the column 'notes' is neither"):
        report_on({"nih_pa": results})


def test_what_cannot_be_computed_is_not_applicable(results_of: ResultsOf) -> None:
    results = results_of(0.7, 0.7, operating_point=None)
    results["metrics"]["roc_auc"] = figure(0.7, 0.7, low=None, high=None)
    text = report_on({"nih_pa": results})
    assert row_of(text, "ROC AUC")["95 % interval"] == "n/a"
    assert row_of(text, "sensitivity at the threshold")["mean ± std"] == "n/a"
    assert "There is no threshold, since the arm holds out no normal images." in text


def test_average_precision_stands_beside_what_guessing_gives(results_of: ResultsOf) -> None:
    assert row_of(report_on({"nih_pa": results_of(0.7, 0.7)}), "average precision (guessing: 25.0)")


def test_each_seed_has_its_column(results_of: ResultsOf) -> None:
    row = row_of(report_on({"nih_pa": results_of(0.70, 0.71)}), "ROC AUC")
    assert (row["seed 4"], row["seed 7"]) == ("70.0", "71.0")


def test_slides_have_figures_of_their_own(results_of: ResultsOf) -> None:
    level = {"slides": 9, "abnormal": 3, "mean_roc_auc": figure(0.8, 0.8), "upper_quantile_roc_auc": figure(0.9, 0.9)}
    of_slides = pd.DataFrame([["slide", "a.tif", 7, 5, 0.8, 0.1, 0.7, None, 0.25]], columns=COLUMNS)
    text = report_on({"camelyon16": results_of(0.7, 0.7, slides=level)}, breakdown=of_slides)
    assert row_of(text, "ROC AUC of slides, by the mean of their sampled tiles")["mean ± std"] == "80.0 ± 0.0"


def test_slides_are_judged_by_the_tiles_that_were_drawn_of_them_and_the_report_says_by_how_many(
    results_of: ResultsOf,
) -> None:
    level = {"slides": 9, "abnormal": 3, "mean_roc_auc": figure(0.8, 0.8), "upper_quantile_roc_auc": figure(0.9, 0.9)}
    rows = [["slide", f"{images}.tif", images, 1, 0.8, 0.1, 0.7, None, 0.25] for images in (7, 42, 11)]
    of_slides = pd.DataFrame(rows, columns=COLUMNS)
    report = partial(report_on, breakdown=of_slides, image="tile")
    text = report({"camelyon16": results_of(0.7, 0.7, slides=level)})
    sentence = "The figures of slides rest on at most 42 tiles of each slide, and may be others where it is scored as a"
    after_the_table = text.partition("| ROC AUC of slides, by an upper quantile of them")[2].split("\n\n")[1]
    assert after_the_table == f"{sentence} whole."
    assert sentence not in report({"camelyon16": results_of(0.7, 0.7)})


def test_slides_without_two_classes_are_not_applicable(results_of: ResultsOf) -> None:
    of_slides = pd.DataFrame([["slide", "a.tif", 7, 5, 0.8, 0.1, 0.7, None, 0.25]], columns=COLUMNS)
    text = report_on({"camelyon16": results_of(0.7, 0.7)}, breakdown=of_slides)
    assert row_of(text, "ROC AUC of slides, by the mean of their sampled tiles")["mean ± std"] == "n/a"
    assert "| ROC AUC of slides" not in report_on({"nih_pa": results_of(0.7, 0.7)})


def test_the_threshold_says_what_it_was_set_on(results_of: ResultsOf) -> None:
    text = report_on({"nih_pa": results_of(0.7, 0.7)})
    assert "(0.5, 0.25) is the 95.0 % quantile of 37 held-out normals, of which 2.5 % are above it." in text


def test_what_differs_from_the_papers_data_is_said_beside_its_figures(results_of: ResultsOf) -> None:
    assert "The paper trains on all normals" in report_on({"nih_pa": results_of(0.7, 0.7)})
    assert "The paper trains on all normals" not in report_on({"demo_xrays": results_of(0.7, 0.7)})


def test_each_arm_has_a_section_with_its_own_facts(results_of: ResultsOf) -> None:
    text = report_on({"nih_pa": results_of(0.71, 0.72), "nih_ap": results_of(0.61, 0.62)})
    pa, ap = text.split("\n## nih_")[1:]
    for section, arm, other in ((pa, "nih_pa", "nih_ap"), (ap, "nih_ap", "nih_pa")):
        assert f"those of {arm}" in section
        assert f"note: {arm} has some" in section
        assert f"![images of {arm}](data/{arm}/images.png)" in section
        assert f"(runs/{arm}/dpa/seed-4/gallery.png)" in section
        assert f"![roc of deep perceptual autoencoder on {arm}](figures/{arm}-dpa-roc.png)" in section
        assert f"![Gallery of deep perceptual autoencoder on {arm}]" in section
        assert other not in section


def test_findings_are_listed_with_their_numbers_and_no_interval_where_there_is_none(results_of: ResultsOf) -> None:
    row = row_of(report_on({"nih_pa": results_of(0.7, 0.7)}), "Mass")
    assert (row["images"], row["groups"]) == ("7", "5")
    assert (row["ROC AUC"], row["from"], row["above the threshold"]) == ("80.0", "70.0", "25.0")
    assert "to" not in row


def test_an_arm_whose_images_are_not_known_to_belong_together_says_so(results_of: ResultsOf) -> None:
    results = results_of(0.7, 0.7)
    assert "which images belong together" not in report_on({"nih_pa": results})
    results["test"] |= {"grouped": False}
    text = report_on({"pictures": results}, unit="image")
    sentence = text.partition("**The collection does not say which images belong together**")[2].partition("\n")[0]
    assert sentence.startswith(", so that each counts as one image: those that do may be on both sides of the split")
    assert "patient" not in sentence
    assert "so that each counts as one patient: those that do may be" in report_on({"nih_pa": results})


def test_an_area_that_is_clearly_below_guessing_says_what_may_be_wrong(results_of: ResultsOf) -> None:
    results = results_of(0.3, 0.3)
    for low, high, is_said in ((0.4, 0.6, False), (0.2, 0.45, True), (None, None, False)):
        results["metrics"]["roc_auc"] |= {"low": low, "high": high}
        assert ("Labels may be exchanged" in report_on({"nih_pa": results})) == is_said


def test_a_search_has_its_section_in_the_arm(results_of: ResultsOf) -> None:
    text = report_on({"nih_pa": results_of(0.7, 0.7)}, tuning="### nih_pa: how its settings would be chosen\n")
    assert "\n### nih_pa: how its settings would be chosen\n\n### nih_pa: data\n" in text


def test_checksums_and_versions_are_named(results_of: ResultsOf) -> None:
    text = report_on({"nih_pa": results_of(0.7, 0.7)})
    assert "Made from 3 files (42.0 MB; MD5 of their inventory 1a); prepared images 2b; scored on" in text
    assert "Model of seed 4: MD5 3c." in text
    assert "scored on cpu with python 3.11.7, torch 2.14.1." in text
    assert "differ" not in text.partition("## nih_pa")[2].partition("## How to read this")[0]


def test_seeds_that_were_scored_elsewhere_are_told(results_of: ResultsOf) -> None:
    runs = run_of().provenance
    text = report_on(
        {"nih_pa": results_of(0.7, 0.7)}, provenance=[runs[0], {**runs[1], "device": "cuda", "model_md5": "9"}]
    )
    assert "**The other seeds differ in device.**" in text


def test_generated_data_is_called_generated(results_of: ResultsOf) -> None:
    text = report_on({"demo_xrays": results_of(0.9, 0.9), "mine": results_of(0.9, 0.9)})
    assert "The images of demo_xrays are **drawn by a program, not taken from patients**" in text
    assert "drawn by a program" not in report_on({"nih_ap": results_of(0.6, 0.6)})


@pytest.mark.parametrize(
    "name",
    ["a|b", "a\n# T", "a\r\r# T", "<img src=x>", "[x](http://y)", r"\[x\](http://y)", "_a_", "~~a~~", "&lt;", "`a`"],
)
def test_a_name_from_a_file_is_shown_as_it_is(results_of: ResultsOf, tmp_path: Path, name: str) -> None:
    text = report_on({"nih_ap": results_of(0.6, 0.6)}, counts=pd.DataFrame({"split": [name], name: [1]}), pictures=[])
    cells = MarkdownIt("commonmark").enable("table").parse(text)
    shown = [token.content for token in cells if token.type == "inline"]
    rendered = [
        "".join(child.content for child in token.children or [])
        for token in cells
        if token.type == "inline" and {child.type for child in token.children or []} <= {"text", "text_special"}
    ]
    assert rendered.count(" ".join(name.split())) == 2, shown


def test_an_arm_is_called_by_its_name_in_headings(results_of: ResultsOf) -> None:
    rendered = MarkdownIt("commonmark").render(report_on({"_mine_": results_of(0.6, 0.6)}))
    headings = re.findall(r"<h[23]>(.*mine.*)</h[23]>", rendered)
    assert len(headings) == 5
    assert all(heading.startswith("_mine_") for heading in headings)


def test_a_detectors_own_words_are_what_the_report_says(results_of: ResultsOf) -> None:
    text = report_on({"nih_pa": results_of(0.7, 0.7)})
    assert "Anomaly detection with deep perceptual autoencoders. All figures" in text
    assert "A perceptual loss compares shapes" in text
    reading = " ".join(text.partition("## How to read this")[2].split())
    assert (
        "- **untrained** is the same network with random weights under the same loss; **pixel L1** compares" in reading
    )
    assert "**mean intensity** is taken in its better direction. Where one of them comes close" in reading


def test_of_one_detector_nothing_names_it_but_the_introduction(results_of: ResultsOf) -> None:
    text = report_on({"nih_pa": results_of(0.7, 0.7)})
    assert "detector" not in row_of(text, "nih_pa")
    assert "### nih_pa: the images behind the figures" in text


def test_only_pictures_that_were_drawn_are_shown(results_of: ResultsOf) -> None:
    text = report_on({"nih_pa": results_of(0.7, 0.7)}, plots=("roc",), growth=False)
    assert "nih_pa-dpa-roc.png" in text
    assert "history" not in text
    assert "growth.png" not in text
    assert "end of each phase of growth" not in text


def test_detectors_are_listed_as_in_a_sentence(results_of: ResultsOf) -> None:
    both = results_of(0.7, 0.7, baselines={"mean_intensity": beaten(0.5)})
    text = report_on({"mine": both}, ("dpa", "colour_statistics", "knn"))
    listed = "Anomaly detection with deep perceptual autoencoders, colour statistics and nearest neighbours."
    assert listed in text.splitlines()[2]


def test_of_one_detector_nothing_is_compared_or_folded(results_of: ResultsOf) -> None:
    text = report_on({"mine": results_of(0.7, 0.7)})
    assert not [word for word in ("<details>", "reference", "mine-detectors.png", "one at a time") if word in text]


def test_several_detectors_are_compared_first_and_have_a_folded_part_each(results_of: ResultsOf) -> None:
    baselines, above = {"mean_intensity": beaten(0.5)}, {"mean": 0.1, "low": 0.05, "high": 0.15}
    singles = {
        "dpa": results_of(0.7, 0.71, baselines=baselines),
        "colour_statistics": results_of(0.8, 0.8, baselines=baselines, above_reference=above),
    }
    text = report_text(
        {"nih_pa": singles}, {"nih_pa": facts_of("nih_pa")}, {"nih_pa": dict.fromkeys(singles, run_of())}
    )
    results, section = text.split("\n## nih_pa\n")
    assert row_of(results, "colour statistics")[""] == "better"
    assert "(figures/nih_pa-detectors.png)" in results
    assert results.count("one at a time") == 1
    summaries = [line for line in section.splitlines() if line.startswith("<summary>")]
    assert summaries == [
        "<summary>colour statistics: its figures, curves and pictures</summary>",
        "<summary>deep perceptual autoencoder: its figures, curves and pictures</summary>",
    ]
    folds = section.split("</details>")
    assert "(runs/nih_pa/colour_statistics/seed-4/gallery.png)" in folds[0]
    assert "### nih_pa, deep perceptual autoencoder: by finding" in folds[1]
    assert [line for line in folds[2].splitlines() if line.startswith("### ")] == [
        "### nih_pa: data",
        "### nih_pa: parameters",
    ]
