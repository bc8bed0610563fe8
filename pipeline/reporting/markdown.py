"""report.md: our figures beside the paper's, with the pictures behind them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from pipeline.reporting.paper import PAPER_ROC_AUC
from pipeline.reporting.summary import AVERAGED

INTRODUCTION = """# Report

Anomaly detection with deep perceptual autoencoders: ROC AUC in percent, mean ± standard deviation over seeds.
Written by the pipeline; `dvc metrics diff` and `dvc plots diff` compare it between revisions.
"""

READING = """## How to read this

- **ROC AUC** is the chance that a random abnormal test image scores higher than a random normal one; 50 is guessing.
- **untrained** is the same network with random weights under the same loss. A detector that has learnt is above it.
- **mean intensity** needs no network: the mean grey level, in its better direction. Where it comes close to the
  detector, exposure or colour may be what is detected.
- The validation split chooses nothing here; the test split is used for these figures only.
"""

GENERATED = (
    "The demo arms are **drawn by a program, not taken from patients**. Their figures show that the pipeline works; "
    "they say nothing about medicine, and the paper has no figures for them."
)


def report_text(
    summary: dict[str, Any],
    metrics: pd.DataFrame,
    counts: Mapping[str, pd.DataFrame],
    pictures: Mapping[str, Sequence[Path]],
) -> str:
    """Compose report.md.

    Args:
        summary: The dictionary of :func:`pipeline.reporting.summary.summarise`.
        metrics: The table of :func:`pipeline.reporting.summary.collect_metrics`.
        counts: Arm to its counts.csv.
        pictures: Arm to the pictures of its data, relative to the report.

    Returns:
        Markdown.
    """
    arms = [*summary, *(arm for arm in PAPER_ROC_AUC if arm not in summary)]
    parts = [INTRODUCTION, "## Results\n", _table([_result_row(arm, summary.get(arm)) for arm in arms])]
    if {"demo_slides", "demo_xrays"} & set(summary):
        parts.append(GENERATED + "\n")
    for arm in summary:
        runs = metrics[metrics["arm"] == arm]
        parts.append(_arm_section(arm, runs, counts[arm], pictures[arm]))
    return "\n".join([*parts, READING])


def _result_row(arm: str, values: dict[str, Any] | None) -> dict[str, str]:
    paper = PAPER_ROC_AUC.get(arm)
    row = {
        "arm": arm,
        "ours": "not run",
        "paper": f"{paper['with growth'][0]} ± {paper['with growth'][1]}" if paper else "–",
    }
    row |= {
        "ours − paper": "–",
        "paper, without growth": "–",
        "untrained": "–",
        "mean intensity": "–",
        "test images": "–",
    }
    if paper:
        row["paper, without growth"] = f"{paper['without growth'][0]} ± {paper['without growth'][1]}"
    if values is not None:
        ours = values["dpa"]
        row["ours"] = _percent(ours, "roc_auc")
        row["untrained"] = _percent(ours, "untrained_roc_auc")
        row["mean intensity"] = _percent(ours, "mean_intensity_roc_auc")
        row["test images"] = str(ours["test_images"])
        if paper:
            row["ours − paper"] = f"{100 * ours['roc_auc'] - paper['with growth'][0]:+.1f}"
    return row


def _percent(values: dict[str, float], name: str) -> str:
    std = values.get(f"{name}_std")
    return f"{100 * values[name]:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")


def _arm_section(arm: str, runs: pd.DataFrame, counts: pd.DataFrame, pictures: Sequence[Path]) -> str:
    first = f"arms/{arm}/dpa/seed-{runs['seed'].iloc[0]}"
    return "\n".join(
        [
            f"## {arm}\n",
            _frame(runs[["seed", *AVERAGED, "abnormal_share", "test_images"]]),
            f"![ROC curves of {arm}](figures/{arm}-roc.png) ![Losses of {arm}](figures/{arm}-history.png)\n",
            f"Highest and lowest scored test images of seed {runs['seed'].iloc[0]}:\n",
            f"![Gallery of {arm}]({first}/gallery.png)\n",
            "Images by split:\n",
            _frame(counts),
            *(f"![{picture.stem} of {arm}]({picture.as_posix()})\n" for picture in pictures),
        ]
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    return str(tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True)) + "\n"


def _frame(table: pd.DataFrame) -> str:
    return _table([{str(key): value for key, value in row.items()} for row in table.to_dict("records")])
