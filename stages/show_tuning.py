"""Show what a search found, from its tables alone: ``python -m stages.show_tuning <arm>``."""

from pathlib import Path

import pandas as pd

from pipeline.files import write_csv, write_text
from pipeline.params.file import read_params
from pipeline.reporting.tuning import plot_few_anomalies, tuning_section
from pipeline.stage import run_stage
from pipeline.tuning.criteria import choose
from pipeline.tuning.few_anomalies import few_anomalies, test_areas
from pipeline.tuning.tables import read_scores, read_trials


def main(arm: str) -> str:
    """Write figure 5 of the paper as table and picture, the test figures of all trials, and a section of the report."""
    params = read_params()
    params.check_arm(arm, "tune")
    settings, folder = params.tune[arm], Path("reports/arms") / arm / "tuning"
    trials, scores = read_trials(folder / "trials.csv", arm), read_scores(folder / "scores.csv")
    few, tested = few_anomalies(scores, settings.few_anomalies, settings.seed), test_areas(scores)
    write_csv(folder / "few_anomalies.csv", few)
    areas = pd.DataFrame({"trial": list(tested), "test_roc_auc": list(tested.values())})
    write_csv(folder / "tests.csv", areas.round(6))
    title, unsupervised = f"{arm}: few anomalies", tested[choose(trials)["unsupervised"]]
    plot_few_anomalies(folder / "few_anomalies.png", title, few, tested, unsupervised)
    write_text(folder / "section.md", tuning_section(arm, trials, tested, list(settings.space)))
    return f"{arm}: {len(few)} rows of few anomalies, from {len(tested)} whole trials"


if __name__ == "__main__":
    run_stage(main)
