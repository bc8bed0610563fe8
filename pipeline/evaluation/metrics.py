"""Metrics of one run, derived from labels and scores."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from pipeline.errors import PipelineError

DIGITS = 4


def roc_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve, the paper's metric (paper §IV-A3), rounded.

    Args:
        labels: (N,), 0 normal, 1 abnormal.
        scores: float (N,), higher is more abnormal.

    Raises:
        PipelineError: If one of the two classes is absent or a score is not finite.
    """
    _check(labels, scores)
    return round(float(roc_auc_score(labels, scores)), DIGITS)


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Average precision of finding the abnormal images, rounded; its base rate is their share."""
    _check(labels, scores)
    return round(float(average_precision_score(labels, scores)), DIGITS)


def roc_points(scores: pd.DataFrame) -> pd.DataFrame:
    """The corners of the test split's ROC curve.

    Args:
        scores: The table of :func:`pipeline.evaluation.scores.score_table`.

    Returns:
        Columns ``fpr`` and ``tpr``, from (0, 0) to (1, 1).
    """
    test = scores[scores["split"] == "test"]
    labels, values = test["label"].to_numpy(), test["score"].to_numpy()
    _check(labels, values)
    fpr, tpr, _ = roc_curve(labels, values)
    return pd.DataFrame({"fpr": fpr, "tpr": tpr}).round(6)


def better_direction(area: float) -> float:
    """The area of a score whose sign means nothing, such as mean intensity: max(a, 1 − a)."""
    return round(max(area, 1 - area), DIGITS)


def run_metrics(scores: pd.DataFrame) -> dict[str, float | int]:
    """The metrics of one run from its table of scores.

    Args:
        scores: The table of :func:`pipeline.evaluation.scores.score_table` with the columns ``score``,
            ``untrained`` and ``mean_intensity``.

    Returns:
        Name to value, over the test split only.

    Raises:
        PipelineError: If the test split lacks a class.
    """
    test = scores[scores["split"] == "test"]
    labels = test["label"].to_numpy()
    return {
        "roc_auc": roc_auc(labels, test["score"].to_numpy()),
        "average_precision": average_precision(labels, test["score"].to_numpy()),
        "abnormal_share": round(float(labels.mean()), DIGITS),
        "test_images": len(labels),
        "untrained_roc_auc": roc_auc(labels, test["untrained"].to_numpy()),
        "mean_intensity_roc_auc": better_direction(roc_auc(labels, test["mean_intensity"].to_numpy())),
    }


def mean_and_std(values: list[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation over seeds, rounded; no deviation from one seed."""
    return round(float(np.mean(values)), DIGITS), round(float(np.std(values, ddof=1)), DIGITS) if len(
        values
    ) > 1 else None


def _check(labels: np.ndarray, scores: np.ndarray) -> None:
    for label, name in ((0, "normal"), (1, "abnormal")):
        if not (np.asarray(labels) == label).any():
            raise PipelineError(
                f"the test split holds no {name} image, so there is no ROC curve: look at the arm's counts.csv"
            )
    if not np.isfinite(scores).all():
        raise PipelineError("a score is NaN or infinite; train again")
