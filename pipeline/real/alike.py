"""What scores tell apart among images that are alike in something else, such as how bright they are."""

import numpy as np

from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import Figures, figures

# Pairs no further apart keep 1 % of what the value alone would do (Cochran & Rubin 1973, Controlling bias in
# observational studies, Sankhyā A 35, section 2.3).
CALIPER = 0.2  # standard deviations


def alike(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Say which pairs of an abnormal and a normal image differ by 0.2 standard deviations of a value at most.

    Args:
        labels: (N,), 0 normal, 1 abnormal, of both kinds.
        values: Of each image, (N,).

    Returns:
        bool (abnormal images, normal images).
    """
    abnormal, normal = values[labels == 1], values[labels == 0]
    deviation = np.sqrt((abnormal.var() + normal.var()) / 2)
    return np.asarray(np.abs(abnormal[:, None] - normal) <= CALIPER * deviation)


def alike_figures(labels: np.ndarray, scores: np.ndarray, pairs: np.ndarray, resamples: Resamples) -> Figures | None:
    """Compute the ROC AUC over some pairs: the chance that the abnormal image of a pair scores higher.

    What the two images of a pair have in common cannot order them, so that next to nothing is left of the value by
    which they are alike, whatever the shape of its influence. It is the area of the covariate-adjusted ROC curve (Janes
    & Pepe 2009, Biometrika 96) without a model of that influence.

    Args:
        labels: (N,).
        scores: (seeds, N), higher is more abnormal.
        pairs: Of :func:`alike`.
        resamples: Of the groups.

    Returns:
        The figures; None where a resample has no such pair.
    """
    abnormal, normal = (scores[:, labels == label] for label in (1, 0))
    higher, equal = abnormal[:, :, None] > normal[:, None], abnormal[:, :, None] == normal[:, None]

    def weight(weights: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        of_abnormal, of_normal = (weights[:, labels == label].astype(np.float64) for label in (1, 0))
        return np.asarray(((of_abnormal @ chosen) * of_normal).sum(axis=1))

    if not resamples.values(lambda weights: weight(weights, pairs)).all():
        return None
    won = pairs * (higher + equal / 2)
    return figures(lambda w: np.stack([weight(w, run) for run in won], axis=1) / weight(w, pairs)[:, None], resamples)
