"""A threshold that is set without any anomaly, and what it finds."""

import numpy as np

from pipeline.evaluation.scores import SCORE, ArmScores


def thresholds(scores: ArmScores, quantile: float) -> np.ndarray | None:
    """Set each seed's threshold on the held-out normals, which training never updates a weight on.

    Args:
        scores: The arm's.
        quantile: The share of them that is to stay below it.

    Returns:
        (seeds,); None where the arm holds out no normals.
    """
    held_out = held_out_scores(scores)
    if not held_out.size:
        return None
    return np.asarray(np.quantile(held_out, quantile, axis=1, method="higher"))


def held_out_scores(scores: ArmScores) -> np.ndarray:
    """The detector's scores of the held-out normals: (seeds, n)."""
    held_out = (scores.images["split"] == "val").to_numpy() & (scores.labels == 0)
    return scores.scores[SCORE][:, held_out]


def flagged_images(scores: ArmScores, quantile: float) -> np.ndarray | None:
    """Whether each test image is above its seed's threshold: bool (seeds, N); None where there is none."""
    limits = thresholds(scores, quantile)
    return None if limits is None else scores.test().scores[SCORE] > limits[:, None]


def sensitivity_specificity(labels: np.ndarray, flags: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The shares of abnormal images that are flagged and of normal ones that are not.

    Args:
        labels: (N,).
        flags: bool (seeds, N).
        weights: (B, N).

    Returns:
        float64 (B, seeds, 2).
    """
    abnormal, normal = (weights * (labels == label) for label in (1, 0))
    flagged = abnormal @ flags.T / abnormal.sum(axis=1, keepdims=True)
    spared = normal @ ~flags.T / normal.sum(axis=1, keepdims=True)
    return np.stack([flagged, spared], axis=-1)
