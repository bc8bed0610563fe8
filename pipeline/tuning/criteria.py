"""By what a setting is chosen: with a handful of anomalies, or without any."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from pipeline.params.tune import DETECTOR
from pipeline.tuning.space import detector_of


class Figures(NamedTuple):
    """What is made of one fold's scores.

    Attributes:
        roc_auc: Of the known anomalies against the fold's normals.
        loss: Mean score of these normals: of an autoencoder their reconstruction loss.
        aucp: ROC AUC of all images that the fold is judged by, unlabelled, against held-out training normals.
    """

    roc_auc: float
    loss: float
    aucp: float


class Criterion(NamedTuple):
    """A way to choose.

    Attributes:
        figure: A name of :class:`Figures`.
        text: What a reader is told.
        best: Finds the best of the means over folds.
    """

    figure: str
    text: str
    best: Callable[[pd.Series], float]


CRITERIA = {
    "weakly_supervised": Criterion("roc_auc", "ROC AUC of the known anomalies, highest", pd.Series.max),
    "unsupervised": Criterion("loss", "score of held-out normals (of an autoencoder its loss), lowest", pd.Series.min),
    "label_free": Criterion(
        "aucp", "AUCp, unlabelled images against held-out training normals, highest", pd.Series.max
    ),
}


def judge(labels: np.ndarray, known: np.ndarray, scores: np.ndarray, held_out: np.ndarray) -> Figures:
    """Compute the figures of a fold.

    Args:
        labels: Of the images that it is judged by, (n,).
        known: Which of them are the known anomalies, bool (n,); other anomalies count in ``aucp`` only.
        scores: Their scores, (n,), higher is more abnormal.
        held_out: The scores of the training normals that no weight was updated by, (m,).
    """
    normals = labels == 0
    seen = normals | known
    unlabelled = np.repeat([1, 0], [len(scores), len(held_out)])
    return Figures(
        float(roc_auc_score(known[seen], scores[seen])),
        float(scores[normals].mean()),
        float(roc_auc_score(unlabelled, np.concatenate([scores, held_out]))),
    )


def choose(trials: pd.DataFrame) -> dict[str, int]:
    """Choose a trial by each criterion; of equals the first.

    Args:
        trials: One row per trial with ``trial``, ``state`` and the means over folds ``roc_auc``, ``loss``, ``aucp``;
            pruned ones are passed over.

    Returns:
        The criterion's name → the trial's number; where the trials are of several detectors, those criteria that
        compare them: a loss does not, since each detector's has a scale of its own.
    """
    whole = _whole(trials)
    compare = [name for name, by in CRITERIA.items() if DETECTOR not in trials or by.figure != "loss"]
    return {name: _best(whole, CRITERIA[name]) for name in compare}


def choose_by_own_loss(trials: pd.DataFrame) -> dict[str, int]:
    """Choose, of each detector with several whole trials, the one of the lowest loss: detector to the trial's number.

    Args:
        trials: See :func:`choose`; of one detector nothing is chosen.
    """
    if DETECTOR not in trials:
        return {}
    whole = _whole(trials)
    return {
        str(detector): _best(own, CRITERIA["unsupervised"])
        for detector, own in whole.groupby(whole[DETECTOR].map(detector_of), sort=False)
        if len(own) > 1
    }


def _whole(trials: pd.DataFrame) -> pd.DataFrame:
    return trials[trials["state"] == "complete"].sort_values("trial")


def _best(whole: pd.DataFrame, by: Criterion) -> int:
    return int(whole.loc[whole[by.figure] == by.best(whole[by.figure]), "trial"].iloc[0])
