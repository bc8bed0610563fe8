"""Collect all runs into summary.json and report.md: ``python -m stages.report``."""

from pathlib import Path

import pandas as pd

from pipeline.files import atomic, write_json
from pipeline.params.file import read_params
from pipeline.reporting.markdown import report_text
from pipeline.reporting.plots import plot_runs
from pipeline.reporting.summary import collect_metrics, summarise
from pipeline.stage import run_stage

REPORTS = Path("reports")


def main() -> str:
    """Write reports/summary.json, reports/report.md and reports/figures/."""
    params = read_params()
    metrics = collect_metrics(REPORTS / "arms", params.arms.train, params.seeds)
    summary = summarise(metrics)
    with atomic(REPORTS / "figures") as figures:
        for arm in params.arms.train:
            runs = {f"seed {seed}": REPORTS / "arms" / arm / "dpa" / f"seed-{seed}" for seed in params.seeds}
            plot_runs(figures, arm, runs)
    data = {arm: REPORTS / "data" / arm for arm in params.arms.train}
    counts = {arm: pd.read_csv(folder / "counts.csv", keep_default_na=False) for arm, folder in data.items()}
    pictures = {arm: [p.relative_to(REPORTS) for p in sorted(folder.glob("*.png"))] for arm, folder in data.items()}
    write_json(REPORTS / "summary.json", summary)
    with atomic(REPORTS / "report.md") as partial:
        partial.write_text(report_text(summary, metrics, counts, pictures), encoding="utf-8")
    return f"reports/report.md: {len(params.arms.train)} arms, {len(params.seeds)} seeds"


if __name__ == "__main__":
    run_stage(main)
