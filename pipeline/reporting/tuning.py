"""What a search found: a section of the report, and figure 5 of the paper."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from pipeline.reporting.sheets import save_figure
from pipeline.reporting.tables import MISSING, percent, table
from pipeline.tuning.criteria import CRITERIA, choose
from pipeline.tuning.few_anomalies import ALL, best_and_worst

SHOWN = 20  # trials in the report; the others are in trials.csv

READING = """Each trial was trained and judged fold by fold, on training and validation images only. Then it was trained
once more on all training normals and tested: nothing is chosen by these figures, they say what each choice would have
cost. A loss is comparable only between trials with the same layers and image size.
"""


def tuning_section(arm: str, trials: pd.DataFrame, tested: Mapping[int, float], dimensions: Sequence[str]) -> str:
    """Compose the section.

    Args:
        arm: The arm.
        trials: The table of :func:`pipeline.tuning.tables.trial_table`.
        tested: Test ROC AUC of each whole trial.
        dimensions: Of the space.

    Returns:
        Markdown, with paths relative to ``reports/``.
    """
    chosen, (best, worst) = choose(trials), best_and_worst(tested)
    whole = trials[trials["state"] == "complete"]
    areas = whole["trial"].map(tested)
    choices = [
        {
            "criterion": of.text,
            "trial": str(chosen[name]),
            "setting": _setting(trials, chosen[name], dimensions),
            "test ROC AUC": percent(tested[chosen[name]]),
            "below the best": f"{100 * (best - tested[chosen[name]]):.1f}",
            "rank correlation with the test": _correlation(whole[of.figure], areas, of.best is pd.Series.min),
        }
        for name, of in CRITERIA.items()
    ]
    pruned = len(trials) - len(whole)
    return "\n".join(
        [
            f"### {arm}: how its settings would be chosen\n",
            f"{len(trials)} trials{f', {pruned} of them given up early' if pruned else ''}; the test ROC AUC of whole "
            f"trials lies between {percent(worst)} and {percent(best)}.\n",
            table(choices),
            READING,
            table(_trial_rows(trials, tested, dimensions)),
            "What would have been chosen with fewer anomalies of fewer kinds (paper, figure 5):\n",
            f"![Few anomalies of {arm}](arms/{arm}/tuning/few_anomalies.png)\n",
        ]
    )


def plot_few_anomalies(
    path: Path, title: str, few: pd.DataFrame, tested: Mapping[int, float], unsupervised: float
) -> None:
    """Draw figure 5 of the paper.

    Args:
        path: The PNG to write.
        title: Stands above it.
        few: The table of :func:`pipeline.tuning.few_anomalies.few_anomalies`.
        tested: Test ROC AUC of each whole trial.
        unsupervised: That of the trial which the reconstruction loss chooses.
    """
    figure = Figure(figsize=(6.4, 4), layout="tight")
    axes = figure.subplots()
    numbers = sorted(set(few["anomalies"]), key=lambda number: (number == ALL, len(number), number))
    best, worst = best_and_worst(tested)
    for value, name, style in ((best, "best", "-"), (worst, "worst", "-"), (unsupervised, "by loss", ":")):
        axes.axhline(value, color="0.6", linewidth=1, linestyle=style)
        axes.annotate(name, (1.01, value), xycoords=("axes fraction", "data"), fontsize=7, va="center")
    for shift, (kinds, rows) in enumerate(few.groupby("kinds", sort=False)):
        places = [numbers.index(number) + 0.06 * shift for number in rows["anomalies"]]
        label = "all kinds" if kinds == ALL else f"{kinds} kind{'' if kinds == '1' else 's'}"
        axes.errorbar(places, rows["mean"], rows["std"], marker="o", markersize=4, capsize=2, label=label)
    axes.set_xticks(range(len(numbers)), numbers)
    axes.set(xlabel="anomalies that the choice sees", ylabel="test ROC AUC of what is chosen", title=title)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def _setting(trials: pd.DataFrame, number: int, dimensions: Sequence[str]) -> str:
    row = trials.set_index("trial").loc[number]
    return ", ".join(f"{dimension} {row[dimension]}" for dimension in dimensions)


def _correlation(figures: pd.Series, areas: pd.Series, lower_is_better: bool) -> str:
    """Spearman's, with a sign that is positive where the criterion is right."""
    if figures.nunique() < 2 or areas.nunique() < 2:
        return MISSING
    correlation = round(float(spearmanr(figures, areas).statistic), 2)
    return f"{(-correlation if lower_is_better else correlation) + 0.0:+.2f}"


def _trial_rows(trials: pd.DataFrame, tested: Mapping[int, float], dimensions: Sequence[str]) -> list[dict[str, str]]:
    ranked = trials.sort_values(["state", "roc_auc", "trial"], ascending=[True, False, True]).head(SHOWN)
    return [
        {
            "trial": str(row["trial"]),
            **{dimension: str(row[dimension]) for dimension in dimensions},
            "ROC AUC": percent(row["roc_auc"]),
            "loss": f"{row['loss']:.4f}",
            "AUCp": percent(row["aucp"]),
            "test ROC AUC": percent(tested.get(row["trial"])) if row["state"] == "complete" else "given up",
        }
        for row in ranked.to_dict("records")
    ]
