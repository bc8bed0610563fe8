"""Curves, histograms and losses as PNG."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline import layout
from pipeline.detectors.registry import words_of
from pipeline.evaluation.breakdown import read_breakdown
from pipeline.evaluation.curves import STEPS
from pipeline.files import read_csv
from pipeline.reporting.sheets import save_figure
from pipeline.reporting.summary import by_roc_auc
from pipeline.reporting.tables import percent_std

# Okabe and Ito's colours without the yellow, which fades on white; a line's style differs from its neighbours' as well.
COLOURS = ("#000000", "#D55E00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
LINES = ("-", "--", ":", "-.")
KINDS = ("roc", "precision-recall", "scores", "breakdown", "history")


def plot_name(arm: str, detector: str, kind: str) -> str:
    """The file of a plot, below the folder of figures."""
    return f"{arm}-{detector}-{kind}.png"


def ranking_plot_name(arm: str) -> str:
    """The file of the plot of all detectors of an arm, below the same folder."""
    return f"{arm}-detectors.png"


def plot_detector(folder: Path, arm: str, detector: str, seeds: Sequence[int], abnormal_share: float) -> None:
    """Draw the plots of a detector on an arm, all seeds in each.

    Args:
        folder: Where :func:`plot_name` goes, for each of :data:`KINDS`; no history of fits that reported once.
        detector: The detector.
        seeds: Its seeds.
        abnormal_share: The average precision of guessing.
    """
    results, title = layout.results(arm), f"{arm}, {words_of(detector).name}"
    roc, precision_recall, scores, parts, history = (folder / plot_name(arm, detector, kind) for kind in KINDS)
    plot_roc(roc, title, _of(detector, results / "roc.csv", "seed", "fpr", "tpr"))
    curve = _of(detector, results / "precision_recall.csv", "seed", "recall", "precision")
    plot_precision_recall(precision_recall, title, curve, abnormal_share)
    plot_scores(scores, title, _of(detector, results / "histogram.csv", "images", "low", "high", "share"))
    plot_breakdown(parts, title, read_breakdown(results / "breakdown.csv", detector))
    runs = {f"seed {seed}": layout.pictures(layout.run_name(arm, detector, seed)) for seed in seeds}
    histories = {caption: _points(run / "history.csv", "iteration", "loss") for caption, run in runs.items()}
    if any(len(reports) > 1 for reports in histories.values()):
        plot_history(history, title, histories, words_of(detector).loss)


def plot_ranking(folder: Path, arm: str, results: Mapping[str, Any]) -> None:
    """Draw the ROC curves of all detectors of an arm over each other, each the mean over its seeds.

    Args:
        folder: Where :func:`ranking_plot_name` goes.
        arm: The arm.
        results: Detector to what :func:`pipeline.evaluation.results.arm_results` made.
    """
    points = _points(layout.results(arm) / "roc.csv", "detector", "seed", "fpr", "tpr")
    styles = dict(zip(results, zip(cycle(COLOURS), cycle(LINES), strict=False), strict=False))
    figure = Figure(figsize=(4.4, 4.4 + 0.2 * len(results)), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1)
    for detector in by_roc_auc(results):
        curve = mean_roc(points[points["detector"] == detector])
        label = f"{words_of(detector).name}: {percent_std(results[detector]['metrics']['roc_auc'])}"
        colour, line = styles[detector]
        axes.plot(*curve, label=label, color=colour, linestyle=line, linewidth=1.8)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    axes.set_title(f"{arm}, mean over seeds", fontsize=10, parse_math=False)
    figure.legend(loc="outside lower center", fontsize=8, frameon=False, handlelength=4)
    save_figure(figure, folder / ranking_plot_name(arm))


def mean_roc(points: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Average ROC curves of several seeds vertically.

    Args:
        points: ``seed``, ``fpr`` and ``tpr``, see :func:`pipeline.evaluation.curves.roc_points`.

    Returns:
        False positive rates and the mean of the true positive rates at each, from (0, 0).
    """
    rates = np.linspace(0, 1, STEPS + 1)
    # where a curve rises straight up, what it rises to
    tops = [curve.groupby("fpr", as_index=False)["tpr"].max() for _, curve in points.groupby("seed")]
    mean = np.mean([np.interp(rates, top["fpr"], top["tpr"]) for top in tops], axis=0)
    return np.append(0, rates), np.append(0, mean)


def _points(csv: Path, *columns: str) -> pd.DataFrame:
    return read_csv(csv, columns, ("detector", "images", "phase"), "run `dvc repro`, whose earlier stages make it")


def _of(detector: str, csv: Path, *columns: str) -> pd.DataFrame:
    """The rows of one detector of a table of all."""
    table = _points(csv, "detector", *columns)
    return table[table["detector"] == detector]


def plot_roc(path: Path, title: str, points: pd.DataFrame) -> None:
    """Draw ROC curves.

    Args:
        path: The PNG to write.
        title: Stands above the plot.
        points: The table of :func:`pipeline.evaluation.curves.roc_points`.
    """
    figure, axes = _square(title, "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1, linestyle="--")
    for seed, curve in points.groupby("seed"):
        axes.plot(curve["fpr"], curve["tpr"], label=f"seed {seed}")
    axes.legend(loc="lower right", fontsize=8)
    save_figure(figure, path)


def plot_precision_recall(path: Path, title: str, points: pd.DataFrame, abnormal_share: float) -> None:
    """Draw precision–recall curves.

    Args:
        path: The PNG to write.
        title: Stands above the plot.
        points: The table of :func:`pipeline.evaluation.curves.precision_recall_points`.
        abnormal_share: The precision of guessing.
    """
    figure, axes = _square(title, "recall", "precision")
    axes.axhline(abnormal_share, color="0.75", linewidth=1, linestyle="--")
    for seed, curve in points.groupby("seed"):
        axes.plot(curve["recall"], curve["precision"], label=f"seed {seed}")
    axes.legend(loc="lower left", fontsize=8)
    save_figure(figure, path)


def plot_scores(path: Path, title: str, bins: pd.DataFrame) -> None:
    """Draw how the scores of normal and abnormal images are spread, the mean over seeds.

    Args:
        path: The PNG to write.
        title: Stands above the plot.
        bins: The table of :func:`pipeline.evaluation.curves.histogram`.
    """
    figure = Figure(figsize=(4.2, 4.2), layout="tight")
    axes = figure.subplots()
    for name, color in (("normal", "tab:blue"), ("abnormal", "tab:red")):
        share = bins[bins["images"] == name].groupby(["low", "high"], as_index=False)["share"].mean()
        edges = np.append(share["low"], share["high"].iloc[-1])
        axes.stairs(share["share"], edges, fill=True, alpha=0.4, color=color, label=f"{name} test images")
    axes.set(xlabel="score", ylabel="share of these images")
    _title(axes, title)
    axes.legend(fontsize=8)
    save_figure(figure, path)


def plot_breakdown(path: Path, title: str, parts: pd.DataFrame) -> None:
    """Draw the ROC AUC of each finding or slide with its interval, where there is one.

    Args:
        path: The PNG to write.
        title: Stands above the plot.
        parts: The table of :func:`pipeline.evaluation.breakdown.breakdown`.
    """
    shown = parts[parts["roc_auc"].notna()].iloc[::-1]
    figure = Figure(figsize=(4.2, max(4.2, 0.2 * len(shown) + 1)), layout="tight")
    axes = figure.subplots()
    axes.axvline(0.5, color="0.75", linewidth=1, linestyle="--")
    for row, (area, low, high) in enumerate(zip(shown["roc_auc"], shown["low"], shown["high"], strict=True)):
        axes.plot([low, high], [row, row], color="tab:blue", linewidth=1.5)
        axes.plot(area, row, "o", color="tab:blue", markersize=4)
    names = [f"{name} ({n})" for name, n in zip(shown["name"], shown["images"], strict=True)]
    axes.set_yticks(range(len(shown)), names, fontsize=7, parse_math=False)
    axes.set(xlabel="ROC AUC against all normal images", xlim=(0, 1.02))
    _title(axes, title)
    save_figure(figure, path)


def plot_history(path: Path, title: str, histories: Mapping[str, pd.DataFrame], loss: str) -> None:
    """Draw training (solid) and held-out loss (dashed) with the boundaries of the phases, where there are such.

    Args:
        path: The PNG to write.
        title: Stands above the plot.
        histories: Caption to the rows of a :class:`pipeline.detectors.base.History`.
        loss: What the loss is called.
    """
    figure = Figure(figsize=(7, 3.6))
    axes = figure.subplots()
    for caption, history in histories.items():
        marker = "o" if len(history) == 1 else None  # a line of one point cannot be seen
        (line,) = axes.plot(history["iteration"], history["loss"], marker=marker, label=caption)
        if "held_out_loss" in history:
            axes.plot(history["iteration"], history["held_out_loss"], linestyle="--", color=line.get_color())
    first = next(iter(histories.values()))
    if "phase" in first:
        _mark_phases(axes, first)
    axes.set(xlabel="iteration", ylabel=loss)
    _title(axes, title, pad=26)
    held_out = any("held_out_loss" in history for history in histories.values())
    axes.legend(fontsize=8, title="dashed: held-out" if held_out else None, title_fontsize=7)
    figure.tight_layout()
    save_figure(figure, path)


def _mark_phases(axes: Axes, history: pd.DataFrame) -> None:
    start = 0
    for (resolution, phase), rows in history.groupby(["resolution", "phase"], sort=False):
        if start:
            axes.axvline(start, color="0.8", linewidth=1)
        axes.text(start, 1.01, f" {resolution} px\n {phase}", transform=axes.get_xaxis_transform(), fontsize=7)
        start = rows["iteration"].iloc[-1]


def _title(axes: Axes, title: str, pad: float | None = None) -> None:
    axes.set_title(title, fontsize=10, parse_math=False, pad=pad)


def _square(title: str, across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 4.2), layout="tight")
    axes = figure.subplots()
    axes.set(xlabel=across, ylabel=up, xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
    _title(axes, title)
    return figure, axes
