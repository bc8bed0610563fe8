"""What a search found: a section of the report, and figure 5 of the paper."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from pipeline.evaluation.bootstrap import Interval
from pipeline.params.tune import DETECTOR, Tune
from pipeline.reporting.sheets import save_figure
from pipeline.reporting.tables import MISSING, percent, percent_interval, plain, table
from pipeline.tuning.criteria import CRITERIA, Criterion, choose, choose_by_own_loss
from pipeline.tuning.few_anomalies import ALL, best_and_worst
from pipeline.tuning.space import detector_of

SHOWN = 20  # trials in the report; the others are in trials.csv
FEWEST_RANKED = 5  # trials: any order of fewer is likely by chance

ENDED = {"pruned": "of them given up early", "failed": "of them failed (the reasons are in trials.csv)"}
INFORMED = """ the trials
themselves were proposed or given up by all known anomalies, so that few anomalies look better here than they are; a
grid or random search without pruning is free of that."""

READING = """Each trial was trained and judged fold by fold, on training and validation images only. Then it was trained
once more on all training normals and tested: nothing is chosen by these figures, they say what each choice would have
cost. A loss is comparable only between trials with the same layers and image size. What all trials have in common
(`common` in the arm's file, often a shorter training) is not adopted, so a chain with the adopted setting differs.
"""
SEVERAL = """Losses of different detectors have nothing to do with each other. Both kinds of ROC AUC depend on the order
of scores alone, whatever their scale, so they compare detectors.
"""


def tuning_section(
    arm: str,
    trials: pd.DataFrame,
    tested: Mapping[int, float],
    intervals: Mapping[int, Interval | None],
    settings: Tune,
) -> str:
    """Compose the section.

    Args:
        trials: The table of :func:`pipeline.tuning.tables.trial_table`.
        tested: Test ROC AUC of each whole trial.
        intervals: Its 95 % interval over patients or slides, of the chosen trials.
        settings: Of the search.

    Returns:
        Markdown, with paths relative to ``reports/``.
    """
    chosen, (best, worst), dimensions = choose(trials), best_and_worst(tested), list(settings.space)
    whole = trials[trials["state"] == "complete"]

    def choice(text: str, number: int, among: pd.DataFrame, criterion: Criterion) -> dict[str, str]:
        low, high = intervals[number] or (None, None)
        lower_is_better = criterion.best is pd.Series.min
        return {
            "criterion": text,
            "trial": str(number),
            "setting": _setting(trials, number, dimensions),
            "test ROC AUC": percent(tested[number]),
            "95 % interval": percent_interval({"low": low, "high": high}),
            "below the best": f"{100 * (best - tested[number]):.1f}",
            "rank correlation with the test": _correlation(
                among[criterion.figure], among["trial"].map(tested), lower_is_better
            ),
        }

    choices = [choice(CRITERIA[name].text, chosen[name], whole, CRITERIA[name]) for name in chosen]
    for detector, number in choose_by_own_loss(trials).items():
        own = whole[whole[DETECTOR].map(detector_of) == detector]
        choices.append(
            choice(f"score of held-out normals, lowest of {detector}", number, own, CRITERIA["unsupervised"])
        )
    ended = trials["state"].value_counts()
    others = "".join(f", {ended[state]} {text}" for state, text in ENDED.items() if state in ended)
    informed = INFORMED if settings.prune or settings.sampler == "tpe" else ""
    return "\n".join(
        [
            f"### {plain(arm)}: how its settings would be chosen\n",
            f"{len(trials)} of {settings.size} combinations were tried{others}; the test ROC AUC of whole trials lies "
            f"between {percent(worst)} and {percent(best)} (one training each).\n",
            table(choices),
            READING + (SEVERAL if DETECTOR in settings.space else ""),
            table(_trial_rows(trials, tested, dimensions)),
            f"What would have been chosen with fewer anomalies of fewer kinds (paper, figure 5):{informed}\n",
            f"![Few anomalies of {arm}](arms/{arm}/tuning/few_anomalies.png)\n",
        ]
    )


def plot_few_anomalies(
    path: Path, title: str, few: pd.DataFrame, tested: Mapping[int, float], unsupervised: float | None
) -> None:
    """Draw figure 5 of the paper.

    Args:
        path: The PNG to write.
        title: Stands above it.
        few: The table of :func:`pipeline.tuning.few_anomalies.few_anomalies`.
        tested: Test ROC AUC of each whole trial.
        unsupervised: That of the trial which the reconstruction loss chooses; None where it chooses none.
    """
    figure = Figure(figsize=(6.4, 4), layout="tight")
    axes = figure.subplots()
    numbers = sorted(set(few["anomalies"]), key=lambda number: (number == ALL, len(number), number))
    best, worst = best_and_worst(tested)
    for value, name in ((best, "best"), (worst, "worst")):
        axes.axhline(value, color="0.6", linewidth=1)
        axes.annotate(name, (1.01, value), xycoords=("axes fraction", "data"), fontsize=7, va="center")
    if unsupervised is not None:
        axes.axhline(unsupervised, color="0.3", linewidth=1, linestyle=":", label="chosen by loss")
    for shift, (kinds, rows) in enumerate(few.groupby("kinds", sort=False)):
        places = [numbers.index(number) + 0.06 * shift for number in rows["anomalies"]]
        label = "all kinds" if kinds == ALL else f"{kinds} kind{'' if kinds == '1' else 's'}"
        axes.errorbar(places, rows["mean"], rows["std"], marker="o", markersize=4, capsize=2, label=label)
    axes.set_xticks(range(len(numbers)), numbers)
    axes.set(xlabel="anomalies that the choice sees", ylabel="test ROC AUC of what is chosen", title=title)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def _percent(value: float) -> str:
    return percent(None if pd.isna(value) else value)


def _setting(trials: pd.DataFrame, number: int, dimensions: Sequence[str]) -> str:
    row = trials.set_index("trial").loc[number]
    return ", ".join(f"{dimension} {row[dimension]}" for dimension in dimensions)


def _correlation(figures: pd.Series, areas: pd.Series, lower_is_better: bool) -> str:
    """Spearman's, with a sign that is positive where the criterion is right."""
    if len(figures) < FEWEST_RANKED or figures.nunique() < 2 or areas.nunique() < 2:
        return MISSING
    correlation = round(float(spearmanr(figures, areas).statistic), 2)
    return f"{(-correlation if lower_is_better else correlation) + 0.0:+.2f}"


def _trial_rows(trials: pd.DataFrame, tested: Mapping[int, float], dimensions: Sequence[str]) -> list[dict[str, str]]:
    ranked = trials.sort_values(["state", "roc_auc", "trial"], ascending=[True, False, True]).head(SHOWN)
    return [
        {
            "trial": str(row["trial"]),
            **{dimension: str(row[dimension]) for dimension in dimensions},
            "ROC AUC": _percent(row["roc_auc"]),
            "loss": MISSING if pd.isna(row["loss"]) else f"{row['loss']:.4f}",
            "AUCp": _percent(row["aucp"]),
            "test ROC AUC": percent(tested.get(row["trial"])) if row["state"] == "complete" else row["state"],
        }
        for row in ranked.to_dict("records")
    ]
