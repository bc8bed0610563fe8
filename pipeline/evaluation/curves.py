"""What is plotted of the scores: curves and histograms small enough for git, whatever the number of images."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.evaluation.metrics import Curve
from pipeline.evaluation.scores import SCORE, ArmScores

STEPS = 400  # of a curve's axes
BINS = 30


def roc_points(test: ArmScores, seeds: list[int]) -> pd.DataFrame:
    """The ROC curve of each seed.

    Args:
        test: The test split's scores.
        seeds: The seeds, in the order of the scores.

    Returns:
        Columns ``seed``, ``fpr`` and ``tpr``, from (0, 0) to (1, 1), on a grid of 400 steps.
    """
    curves = {seed: _curve(test, k) for k, seed in enumerate(seeds)}
    return _joined({seed: {"fpr": (c.fp / c.normal)[0], "tpr": (c.tp / c.abnormal)[0]} for seed, c in curves.items()})


def precision_recall_points(test: ArmScores, seeds: list[int]) -> pd.DataFrame:
    """The precision–recall curve of each seed.

    Returns:
        Columns ``seed``, ``recall`` and ``precision``, by rising recall; see :func:`roc_points`.
    """
    curves = {seed: _curve(test, k) for k, seed in enumerate(seeds)}
    return _joined(
        {
            seed: {"recall": (c.tp / c.abnormal)[0, 1:], "precision": (c.tp[0, 1:] / (c.tp + c.fp)[0, 1:])}
            for seed, c in curves.items()
        }
    )


def histogram(test: ArmScores, seeds: list[int]) -> pd.DataFrame:
    """How the scores of normal and abnormal images are spread.

    Returns:
        Columns ``seed``, ``images`` (normal or abnormal), ``low`` and ``high`` (the bin's, the same for all seeds) and
        ``share`` of these images in it.
    """
    scores = test.scores[SCORE]
    edges = np.array([float(f"{edge:.6g}") for edge in np.histogram_bin_edges(scores, BINS)])  # as scores are rounded
    parts = []
    for seed, run in zip(seeds, scores, strict=True):
        for label, name in enumerate(("normal", "abnormal")):
            counts, _ = np.histogram(run[test.labels == label], edges)
            bins = {"low": edges[:-1], "high": edges[1:], "share": (counts / counts.sum()).round(6)}
            parts.append(pd.DataFrame({"seed": seed, "images": name, **bins}))
    return pd.concat(parts, ignore_index=True)


def by_detector(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of an arm's detectors below each other, with a first column ``detector``."""
    named = []
    for detector, table in tables.items():
        table.insert(0, "detector", detector)
        named.append(table)
    return pd.concat(named, ignore_index=True)


def _curve(test: ArmScores, number: int) -> Curve:
    return Curve(test.labels, test.scores[SCORE][number], np.ones((1, len(test.labels))))


def _joined(curves: dict[int, dict[str, np.ndarray]]) -> pd.DataFrame:
    parts = [
        (pd.DataFrame(points) * STEPS).round().drop_duplicates().div(STEPS).assign(seed=seed)
        for seed, points in curves.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["seed", *(column for column in table if column != "seed")]]
