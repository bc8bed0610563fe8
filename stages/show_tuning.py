"""Show what a search found, from its tables alone: ``python -m stages.show_tuning <arm>``."""

from pathlib import Path

import pandas as pd

from pipeline.files import write_csv, write_text
from pipeline.params.file import read_params
from pipeline.reporting.tuning import plot_few_anomalies, tuning_section
from pipeline.stage import run_stage
from pipeline.tuning.adopting import check_searched
from pipeline.tuning.criteria import choose
from pipeline.tuning.few_anomalies import few_anomalies, test_areas, test_interval
from pipeline.tuning.tables import read_scores, read_trials


def main(arm: str) -> str:
    """Write figure 5 of the paper as table and picture, the test figures of all trials, and a section of the report."""
    params = read_params()
    params.check_arm(arm, "tune")
    settings, folder = params.tune[arm], Path("reports/arms") / arm / "tuning"
    check_searched(folder / "search.json", params, arm)
    trials, scores = read_trials(folder / "trials.csv", arm), read_scores(folder / "scores.csv")
    few, tested, chosen = (
        few_anomalies(scores, settings.few_anomalies, settings.seed),
        test_areas(scores),
        choose(trials),
    )
    write_csv(folder / "few_anomalies.csv", few)
    write_csv(folder / "tests.csv", pd.DataFrame(tested.items(), columns=["trial", "test_roc_auc"]).round(6))
    plot_few_anomalies(folder / "few_anomalies.png", arm, few, tested, tested[chosen["unsupervised"]])
    intervals = {trial: test_interval(scores, trial, params.compute_metrics) for trial in set(chosen.values())}
    write_text(folder / "section.md", tuning_section(arm, trials, tested, intervals, settings))
    return f"{arm}: {len(few)} rows of few anomalies, from {len(tested)} whole trials"


if __name__ == "__main__":
    run_stage(main)
