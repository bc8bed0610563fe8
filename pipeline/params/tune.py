"""The section ``tune``: how the settings of an arm are searched."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Positive, Seed, Settings

# The columns of a search's tables that are no dimension.
RESERVED = re.compile(r"(trial|state|reason|roc_auc|loss|aucp|iterations|seed)(_\d+)?")

# Parts of the arm's file: section to the keys in it that change.
Change = dict[str, dict[str, Any]]
# names that `dvc exp run -S` can address
Option = Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_-]*|[0-9]+)$")]
Trials = Annotated[int, Field(gt=0, le=1_000_000)]
Dimension = Annotated[dict[Option, Change], Field(min_length=1)]


class FewAnomalies(Settings):
    """Figure 5 of the paper: what would have been chosen with fewer anomalies of fewer kinds."""

    numbers: tuple[Positive, ...] = Field(description="Numbers of anomalies.")
    kinds: tuple[Positive, ...] = Field(description="Numbers of kinds that they are of.")
    draws: Annotated[int, Field(gt=0, le=10_000)] = Field(description="Draws of each.")


class Tune(Settings):
    """The search of one arm."""

    detector: Name = Field(description="The detector whose settings are searched.")
    seed: Seed = Field(description="What the draws of folds, proposals and trainings start from.")
    sampler: Literal["grid", "random", "tpe"] = Field(
        description="`grid` tries all combinations, `random` and `tpe` (Optuna's) so many of them."
    )
    trials: Trials | None = Field(description="How many; null for `grid`.")
    batch: Trials = Field(
        description="Trials that are proposed at a time, from the results of earlier batches; what is proposed does "
        "not depend on how many run at once."
    )
    prune: bool = Field(description="Whether Optuna's median rule gives up trials after a fold.")
    folds: Annotated[int, Field(ge=2, le=100)] = Field(description="Folds of patients or slides.")
    cross_validate: bool = Field(
        description="With false, so many runs of the splits as they are, with seeds of their own."
    )
    anomalies: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="The validation anomalies that may choose: findings of X-rays (exactly), names of slides."
    )
    storage: str | None = Field(
        description="Journal file or URL of a database that several machines reach; null for a file in `.cache/`."
    )
    common: Change = Field(description="What all trials change, as parts of the arm's file; it is not adopted.")
    space: Annotated[dict[Option, Dimension], Field(min_length=1)] = Field(
        description="Dimension to option to what it changes, as parts of the arm's file: `detectors`, and the section "
        "that prepares its images; `last` in a schedule is its highest resolution."
    )
    few_anomalies: FewAnomalies = Field(
        description="Figure 5 of the paper: how few anomalies of how few kinds would have been enough."
    )

    @property
    def searched(self) -> dict[str, Any]:
        """All that trials depend on, as JSON: neither where they are kept nor what is drawn of them afterwards."""
        return self.model_dump(mode="json", exclude={"storage", "few_anomalies"})

    @property
    def size(self) -> int:
        """Number of combinations."""
        size = 1
        for options in self.space.values():
            size *= len(options)
        return size

    @property
    def trial_count(self) -> int:
        """Number of trials."""
        return self.size if self.trials is None else self.trials

    @model_validator(mode="after")
    def _trials_fit(self) -> Self:
        if (self.trials is None) != (self.sampler == "grid"):
            raise ValueError("trials is null for the sampler grid, which tries all, and a number for the others")
        for name in self.space:
            if RESERVED.fullmatch(name):
                raise ValueError(f"space.{name}: a column of trials.csv has this name: choose another one")
        if self.trial_count > self.size:
            raise ValueError(f"trials is {self.trials}, but the space has only {self.size} combinations")
        return self
