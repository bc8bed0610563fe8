from pathlib import Path

import pandas as pd

from pipeline.reporting.markdown import report_text
from pipeline.reporting.paper import PAPER_ROC_AUC
from pipeline.reporting.summary import summarise


def report_of(arm: str, values: list[float]) -> str:
    metrics = pd.DataFrame(
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
    counts = {arm: pd.DataFrame({"split": ["train"], "images": [100]})}
    return report_text(summarise(metrics), metrics, counts, {arm: [Path("data", arm, "images.png")]})


def row_of(text: str, arm: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {arm} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_our_figure_stands_beside_the_papers() -> None:
    row = row_of(report_of("nih_pa", [0.70, 0.71]), "nih_pa")
    assert row[1:4] == ["70.5 ± 0.7", "70.8 ± 0.1", "-0.3"]


def test_arms_of_the_paper_that_were_not_run_say_so() -> None:
    text = report_of("nih_pa", [0.70])
    assert {row_of(text, arm)[1] for arm in PAPER_ROC_AUC if arm != "nih_pa"} == {"not run"}


def test_generated_data_is_called_generated() -> None:
    assert "drawn by a program, not taken from patients" in report_of("demo_xrays", [0.9])
    assert "drawn by a program" not in report_of("nih_ap", [0.6])


def test_the_pictures_of_the_data_are_shown() -> None:
    assert "![images of nih_pa](data/nih_pa/images.png)" in report_of("nih_pa", [0.7])
