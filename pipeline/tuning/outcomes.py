"""What comes out of a trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Outcome = list[dict[str, Any]]  # of each fold that was trained, as JSON: see :func:`pipeline.tuning.trial.run_trial`


@dataclass(frozen=True)
class Done:
    """A trial that has ended.

    Attributes:
        number: Counted from 0, in the order of proposals.
        options: What was tried: dimension to option.
        outcome: Of its folds; fewer than there are if it was pruned.
        pruned: Whether it was.
    """

    number: int
    options: Mapping[str, str]
    outcome: Outcome
    pruned: bool

    def means(self) -> list[float]:
        """The mean ROC AUC after each fold."""
        areas = [of_fold["roc_auc"] for of_fold in self.outcome]
        return [sum(areas[: k + 1]) / (k + 1) for k in range(len(areas))]
