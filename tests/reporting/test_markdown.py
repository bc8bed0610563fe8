from pathlib import Path

import pandas as pd

from pipeline.reporting.markdown import report_text
from pipeline.reporting.paper import PAPER_ROC_AUC
from pipeline.reporting.summary import summarise


def metrics_of(arm: str, values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm": arm,
            "seed": range(len(values)),
            "roc_auc": values,
            "average_precision": 0.5,
            "untrained_roc_auc": 0.5,
            "mean_intensity_roc_auc": 0.6,
            "test_images": 40,
            "abnormal_share": 0.5,
        }
    )


def report_of(arm: str, values: list[float]) -> str:
    return report_on(metrics_of(arm, values))


def report_on(metrics: pd.DataFrame) -> str:
    arms = metrics["arm"].unique()
    counts = {arm: pd.DataFrame({"split": ["train"], "images": [f"those of {arm}"]}) for arm in arms}
    return report_text(summarise(metrics), metrics, counts, {arm: [Path("data", arm, "images.png")] for arm in arms})


def row_of(text: str, arm: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {arm} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_our_figure_stands_beside_the_papers() -> None:
    row = row_of(report_of("nih_pa", [0.70, 0.71]), "nih_pa")
    assert row[1:5] == ["70.5 ± 0.7", "70.8 ± 0.1", "-0.3", "70.3 ± 0.2"]


def test_baselines_and_the_number_of_test_images_stand_in_the_row() -> None:
    assert row_of(report_of("nih_pa", [0.70, 0.71]), "nih_pa")[5:] == ["50.0 ± 0.0", "60.0", "40"]


def test_each_arm_has_a_section_with_its_own_runs_and_counts() -> None:
    text = report_on(pd.concat([metrics_of("nih_pa", [0.71, 0.72]), metrics_of("nih_ap", [0.61])]))
    pa, ap = text.split("\n## nih_")[1:]
    assert [value in pa for value in ("0.71", "0.72", "0.61", "those of nih_pa")] == [True, True, False, True]
    assert [value in ap for value in ("0.71", "0.72", "0.61", "those of nih_ap")] == [False, False, True, True]


def test_arms_of_the_paper_that_were_not_run_say_so() -> None:
    text = report_of("nih_pa", [0.70])
    assert {row_of(text, arm)[1] for arm in PAPER_ROC_AUC if arm != "nih_pa"} == {"not run"}


def test_generated_data_is_called_generated() -> None:
    assert "drawn by a program, not taken from patients" in report_of("demo_xrays", [0.9])
    assert "drawn by a program" not in report_of("nih_ap", [0.6])


def test_the_pictures_of_the_data_are_shown() -> None:
    assert "![images of nih_pa](data/nih_pa/images.png)" in report_of("nih_pa", [0.7])
