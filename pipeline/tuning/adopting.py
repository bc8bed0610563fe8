"""What a search chose, as a change of the arm's file, and of params.yaml, that a person applies and commits."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.arms import Arm
from pipeline.errors import PipelineError
from pipeline.files import read_json
from pipeline.layout import arm_file
from pipeline.params.compute import Compute
from pipeline.params.editing import with_entry
from pipeline.params.file import Params
from pipeline.tuning.quick import is_quick
from pipeline.tuning.space import Options, Space


def check_searched(path: Path, arm: Arm) -> None:
    """Check that a search was made with the section ``tune`` as it is now.

    Raises:
        PipelineError: If it was not, or none was made.
    """
    then, now = read_json(path, f"run `make tune ARM={arm.name}`"), arm.search.searched
    changed = sorted(key for key in {*then, *now} if then.get(key) != now.get(key))
    if changed:
        raise PipelineError(
            f"{arm_file(arm.name)}: tune.{changed[0]} was another in the search: run `make tune ARM={arm.name}`"
        )


@dataclass(frozen=True)
class Adopted:
    """What a trial changes.

    Attributes:
        detector: The one that it trained.
        changes: Path in the arm's file to value.
    """

    detector: str
    changes: Mapping[str, Any]


def adopted(arm: Arm, compute: Compute, trial: pd.Series) -> Adopted:
    """Return what a trial changes in the arm's file.

    Where trials stopped early, the final training lasts as long as the folds did on average, since it has no fold to
    stop by (the paper's iterations are such means).

    Args:
        compute: What its trainings run on.
        trial: Its row of the table of trials.
    """
    space = Space(arm, compute)
    options: Options = {dimension: trial[dimension] for dimension in space.choices}
    if odd := [name for name, option in options.items() if option not in space.choices[name]]:
        raise PipelineError(
            f"trials.csv: {options[odd[0]]!r} is not in tune.space.{odd[0]} of {arm_file(arm.name)}: run `make tune "
            f"ARM={arm.name}`"
        )
    iterations = [int(trial[f"iterations_{fold}"]) for fold in range(arm.search.folds)]
    member = space.member(options)
    lasting = member.arm.detector(member.detector).lasting(iterations)
    return Adopted(member.detector, space.changes(options, {"detectors": {member.detector: lasting}}))


def listed(text: str, params: Params, detector: str) -> str:
    """Name a detector in params.yaml, so that it runs; one that runs stays where it is.

    It goes behind those that are there: the first is what all are compared with, on every arm, and that is no choice
    of one arm's search.

    Args:
        text: The file.
        params: What it says.
        detector: To be named among those of its kind.
    """
    if detector in (*params.detectors, *params.quick_detectors):
        return text
    return with_entry(text, "quick_detectors" if is_quick(detector) else "detectors", detector)
