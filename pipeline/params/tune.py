"""The section ``tune``: how the settings of an arm are searched."""

import re
from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Positive, Seed, Settings

# The columns of a search's tables that are no dimension.
RESERVED = re.compile(r"(trial|state|reason|roc_auc|loss|aucp|iterations|seed)(_\d+)?")

# Parts of the arm's file: section to the keys in it that change.
Change = dict[str, dict[str, Any]]
# names that `dvc exp run -S` can address
OPTION = r"^([A-Za-z_][A-Za-z0-9_-]*|[0-9]+)$"
Option = Annotated[str, Field(pattern=OPTION)]
Trials = Annotated[int, Field(gt=0, le=1_000_000)]
Dimension = Annotated[dict[Option, Change], Field(min_length=1)]

DETECTOR = "detector"  # the dimension whose options are detectors, each with a space of its own


class FewAnomalies(Settings):
    """Figure 5 of the paper: what would have been chosen with fewer anomalies of fewer kinds."""

    numbers: tuple[Positive, ...] = Field(description="Numbers of anomalies.")
    kinds: tuple[Positive, ...] = Field(description="Numbers of kinds that they are of.")
    draws: Annotated[int, Field(gt=0, le=10_000)] = Field(description="Draws of each.")


class Tune(Settings):
    """The search of one arm."""

    detector: Name | None = Field(
        None,
        description="The detector whose settings are searched; null where `space` has a dimension `detector`, which "
        "names several.",
    )
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
        description="The validation anomalies that may choose: findings of X-rays (exactly), names of slides, "
        "kinds of `collection.validation_anomalies`."
    )
    storage: str | None = Field(
        description="Journal file or URL of a database that several machines reach; null for a file in `.cache/`."
    )
    common: Change = Field(
        description="What all trials change, as parts of the arm's file; `{}` for nothing. It is not adopted."
    )
    space: Annotated[dict[Option, Dimension], Field(min_length=1)] = Field(
        description="Dimension to option to what it changes, as parts of the arm's file: `detectors`, and the section "
        "that prepares its images; `last` in a schedule is its highest resolution. The dimension `detector` holds "
        "detectors, each with a space of its own: dimension to option to what it changes in that detector's section."
    )
    few_anomalies: FewAnomalies = Field(
        description="Figure 5 of the paper: how few anomalies of how few kinds would have been enough."
    )

    @property
    def searched(self) -> dict[str, Any]:
        """All that trials depend on, as JSON: neither where they are kept nor what is drawn of them afterwards."""
        return self.model_dump(mode="json", exclude={"storage", "few_anomalies"})

    @property
    def detectors(self) -> tuple[str, ...]:
        """Those that are searched."""
        return (self.detector,) if self.detector else tuple(self.space[DETECTOR])

    @property
    def size(self) -> int:
        """Number of combinations."""
        return prod(
            sum(prod(map(len, own.values())) for own in options.values()) if name == DETECTOR else len(options)
            for name, options in self.space.items()
        )

    @property
    def trial_count(self) -> int:
        """Number of trials."""
        return self.size if self.trials is None else self.trials

    @model_validator(mode="after")
    def _one_detector_or_several(self) -> Self:
        if (self.detector is None) != (DETECTOR in self.space):
            raise ValueError(
                "detector names the one whose settings are searched, or space.detector names several: have one of them"
            )
        for detector, own in self.space.get(DETECTOR, {}).items():
            for dimension, options in own.items():
                whole = options and all(isinstance(change, Mapping) for change in options.values())
                if not whole or not all(re.fullmatch(OPTION, name) for name in (dimension, *options)):
                    raise ValueError(
                        f"space.{DETECTOR}.{detector}.{dimension}: name options, with what each of them changes in "
                        f"detectors.{detector}"
                    )
        return self

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
