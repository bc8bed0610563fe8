"""What comes out of a trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Folds = list[dict[str, Any]]  # of each fold that was trained, as JSON: see :func:`pipeline.tuning.trial.run_trial`


@dataclass(frozen=True)
class Outcome:
    """What a trial gives.

    Attributes:
        folds: Of its folds; fewer than there are if it was pruned or failed.
        reason: Why it failed; empty if it did not.
    """

    folds: Folds
    reason: str = ""


@dataclass(frozen=True)
class Done:
    """A trial that has ended.

    Attributes:
        number: Counted from 0, in the order of proposals.
        options: What was tried: dimension to option.
        folds: Of the folds that were trained.
        state: ``complete``, ``pruned`` or ``failed``.
        reason: Why it failed; else empty.
    """

    number: int
    options: Mapping[str, str]
    folds: Folds
    state: str
    reason: str = ""

    def means(self) -> list[float]:
        """The mean ROC AUC after each fold."""
        areas = [fold["roc_auc"] for fold in self.folds]
        return [sum(areas[: k + 1]) / (k + 1) for k in range(len(areas))]
