"""Metrics of a ranking, for many weightings of its images at once.

scikit-learn computes the same figures for one weighting (the tests compare); a bootstrap needs thousands, which share
the order of the scores.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.params.evaluate import Metric

TPR, FPR = 0.95, 0.05  # the operating points at which the other rate is read
PARTIAL = 0.1  # greatest false positive rate of the partial area


class Curve:
    """The ROC curve of one list of scores under each of B weightings of its images.

    Args:
        labels: (N,), 0 normal, 1 abnormal.
        scores: float (N,), higher is more abnormal; equal scores are one threshold.
        weights: (B, N), how often each image counts.

    Attributes:
        tp: Weight of the abnormal images at or above each threshold, float64 (B, K + 1), from 0 to their sum.
        fp: The same of the normal images.
    """

    def __init__(self, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> None:
        order = np.argsort(-scores, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))  # last image of each threshold
        ranked, abnormal = weights[:, order], labels[order] == 1
        self.tp, self.fp = (
            np.pad(np.cumsum(np.where(kept, ranked, 0), axis=1, dtype=np.float64)[:, ends], ((0, 0), (1, 0)))
            for kept in (abnormal, ~abnormal)
        )
        self.abnormal, self.normal = self.tp[:, -1:], self.fp[:, -1:]


def roc_auc(curve: Curve) -> np.ndarray:
    """Area under the ROC curve, the paper's metric (§IV-A3): the chance that an abnormal image scores higher."""
    return np.asarray(np.trapezoid(curve.tp, curve.fp, axis=1) / (curve.abnormal * curve.normal)[:, 0])


def average_precision(curve: Curve) -> np.ndarray:
    """Precision at each threshold, weighted by the recall that it adds; guessing gives the abnormal share."""
    shown = curve.tp[:, 1:] + curve.fp[:, 1:]
    precision = np.divide(curve.tp[:, 1:], shown, out=np.zeros_like(shown), where=shown > 0)
    return np.asarray((np.diff(curve.tp, axis=1) * precision).sum(axis=1) / curve.abnormal[:, 0])


def partial_roc_auc(curve: Curve) -> np.ndarray:
    """Area up to a false positive rate of 10 %, scaled so that guessing is 0.5 and the best 1 (McClish 1989)."""
    fpr, tpr = curve.fp / curve.normal, curve.tp / curve.abnormal
    width = np.diff(fpr, axis=1)
    inside = np.clip(PARTIAL - fpr[:, :-1], 0, width)  # the part of each step that lies left of the limit
    slope = np.divide(np.diff(tpr, axis=1), width, out=np.zeros_like(width), where=width > 0)
    area = (inside * (tpr[:, :-1] + slope * inside / 2)).sum(axis=1)
    least = PARTIAL**2 / 2
    return np.asarray((1 + (area - least) / (PARTIAL - least)) / 2)


def fpr_at_tpr(curve: Curve) -> np.ndarray:
    """Share of normal images flagged at the highest threshold that finds 95 % of the abnormal ones; lower is better."""
    enough = np.argmax(curve.tp >= TPR * curve.abnormal - 1e-9, axis=1)
    return np.take_along_axis(curve.fp, enough[:, None], axis=1)[:, 0] / curve.normal[:, 0]


def tpr_at_fpr(curve: Curve) -> np.ndarray:
    """Share of abnormal images found at the lowest threshold that flags at most 5 % of the normal ones."""
    allowed = np.sum(curve.fp <= FPR * curve.normal + 1e-9, axis=1) - 1
    return np.take_along_axis(curve.tp, allowed[:, None], axis=1)[:, 0] / curve.abnormal[:, 0]


METRICS: dict[Metric, Callable[[Curve], np.ndarray]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
    "partial_roc_auc": partial_roc_auc,
    "fpr_at_95_tpr": fpr_at_tpr,
    "tpr_at_5_fpr": tpr_at_fpr,
}
LOWER_IS_BETTER = ("fpr_at_95_tpr",)


def measure(labels: np.ndarray, scores: np.ndarray, metrics: Sequence[Metric], weights: np.ndarray) -> np.ndarray:
    """Compute metrics of several runs under several weightings of the images.

    Args:
        labels: (N,), 0 normal, 1 abnormal, of both kinds.
        scores: (seeds, N).
        metrics: Names of :data:`METRICS`.
        weights: (B, N), such that both classes count in each.

    Returns:
        float64 (B, seeds, metrics).
    """
    curves = (Curve(labels, run, weights) for run in scores)
    return np.stack([np.stack([METRICS[name](curve) for name in metrics], axis=-1) for curve in curves], axis=1)
