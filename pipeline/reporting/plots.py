"""ROC and training curves as PNG."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pipeline.reporting.sheets import save_figure


def plot_runs(folder: Path, arm: str, runs: Mapping[str, Path]) -> None:
    """Draw the ROC and training curves of an arm, all runs in one plot each.

    Args:
        folder: Where ``<arm>-roc.png`` and ``<arm>-history.png`` go.
        arm: The arm.
        runs: Caption to the folder that holds a run's ``roc.csv`` and ``history.csv``.
    """
    plot_roc(folder / f"{arm}-roc.png", arm, {name: pd.read_csv(run / "roc.csv") for name, run in runs.items()})
    histories = {name: pd.read_csv(run / "history.csv") for name, run in runs.items()}
    plot_history(folder / f"{arm}-history.png", arm, histories)


def plot_roc(path: Path, title: str, curves: Mapping[str, pd.DataFrame]) -> None:
    """Draw ROC curves into one square plot.

    Args:
        path: The PNG to write.
        title: Stands above the plot.
        curves: Caption to a table with columns ``fpr`` and ``tpr``.
    """
    figure = Figure(figsize=(4.2, 4.2))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1, linestyle="--")
    for caption, points in curves.items():
        axes.plot(points["fpr"], points["tpr"], label=caption)
    axes.set(
        xlabel="false positive rate",
        ylabel="true positive rate",
        xlim=(0, 1),
        ylim=(0, 1.01),
        title=title,
        aspect="equal",
    )
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    save_figure(figure, path)


def plot_history(path: Path, title: str, histories: Mapping[str, pd.DataFrame]) -> None:
    """Draw training (solid) and held-out loss (dashed) with the boundaries of the growth phases.

    Args:
        path: The PNG to write.
        title: Stands above the plot.
        histories: Caption to a table with ``iteration``, ``phase``, ``resolution``, ``loss``, ``held_out_loss``.
    """
    figure = Figure(figsize=(7, 3.6))
    axes = figure.subplots()
    for caption, history in histories.items():
        (line,) = axes.plot(history["iteration"], history["loss"], label=caption)
        axes.plot(history["iteration"], history["held_out_loss"], linestyle="--", color=line.get_color())
    first = next(iter(histories.values()))
    start = 0
    for (resolution, phase), rows in first.groupby(["resolution", "phase"], sort=False):
        if start:
            axes.axvline(start, color="0.8", linewidth=1)
        axes.text(start, 1.01, f" {resolution} px\n {phase}", transform=axes.get_xaxis_transform(), fontsize=7)
        start = rows["iteration"].iloc[-1]
    axes.set(xlabel="iteration", ylabel="relative perceptual L1")
    axes.set_title(title, pad=26, fontsize=10)
    axes.legend(fontsize=8, title="dashed: held-out", title_fontsize=7)
    figure.tight_layout()
    save_figure(figure, path)
