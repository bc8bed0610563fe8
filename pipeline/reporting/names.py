"""The names of figures and baselines as a reader sees them, in the order in which they are read."""

from collections.abc import Iterable, Sequence

from pipeline import layout
from pipeline.detectors.registry import BASELINES, words_of
from pipeline.errors import PipelineError
from pipeline.evaluation.scores import SCORE

NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "partial_roc_auc": "partial ROC AUC",
    "fpr_at_95_tpr": "FPR at 95 % TPR (lower is better)",
    "tpr_at_5_fpr": "TPR at 5 % FPR",
    "sensitivity": "sensitivity at the threshold",
    "specificity": "specificity at the threshold",
    "mean_roc_auc": "ROC AUC of slides, by the mean of their sampled tiles",
    "upper_quantile_roc_auc": "ROC AUC of slides, by an upper quantile of them",
}


def baseline_names(detector: str) -> dict[str, str]:
    """Column to name of what a detector is compared with: its own references, then other detectors."""
    own = {column: reference.name for column, reference in words_of(detector).references.items()}
    return own | {name: words_of(name).name for name in BASELINES if name != detector}


def check_baselines(arm: str, detector: str, columns: Iterable[str]) -> None:
    """Check that all that a detector was compared with has a name: a stray column of its scores is no baseline.

    Raises:
        PipelineError: Naming the first that has none.
    """
    known = baseline_names(detector)
    if strange := [column for column in columns if column not in known]:
        raise PipelineError(
            f"{layout.SCORES / arm / detector}: the column {strange[0]!r} is neither {SCORE} nor what {detector} is "
            f"compared with ({', '.join(known)}): remove it, or name it in the references of the detector's words"
        )


def baseline_meanings(detectors: Sequence[str]) -> list[str]:
    """What the report says of all that these detectors are compared with, each once."""
    own = [reference.meaning for name in detectors for reference in words_of(name).references.values()]
    return list(dict.fromkeys([*own, *(words_of(name).meaning for name in BASELINES if list(detectors) != [name])]))
