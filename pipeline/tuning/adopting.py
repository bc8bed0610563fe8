"""What a search chose, as a change of the arm's file that a person applies and commits."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.arms import Arm
from pipeline.errors import PipelineError
from pipeline.files import read_json
from pipeline.layout import arm_file
from pipeline.params.compute import Compute
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


def adopted(arm: Arm, compute: Compute, trial: pd.Series) -> dict[str, Any]:
    """Return what a trial changes in the arm's file: path to value.

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
    chosen = space.member(options).arm.detector(arm.search.detector)
    return space.changes(options, {"detectors": {arm.search.detector: chosen.lasting(iterations)}})
