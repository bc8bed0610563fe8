"""What a search chose, as a change of the arm's file that a person applies and commits."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from pipeline.arms import Arm
from pipeline.errors import PipelineError
from pipeline.layout import arm_file
from pipeline.params.compute import Compute
from pipeline.tuning.space import Options, Space


def check_searched(path: Path, arm: Arm) -> None:
    """Check that a search was made with the section ``tune`` as it is now.

    Raises:
        PipelineError: If it was not, or none was made.
    """
    if not path.is_file():
        raise PipelineError(f"{path} is missing: run `make tune ARM={arm.name}`")
    then, now = json.loads(path.read_text(encoding="utf-8")), arm.search.searched
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
        arm: The arm.
        compute: What its trainings run on.
        trial: Its row of the table of trials.
    """
    space = Space(arm, compute)
    options: Options = {dimension: trial[dimension] for dimension in space.choices}
    iterations = [int(trial[f"iterations_{fold}"]) for fold in range(arm.search.folds)]
    chosen = space.member(options).arm.detector(arm.search.detector)
    return space.changes(options, {"detectors": {arm.search.detector: chosen.lasting(iterations)}})


def changed_yaml(text: str, changes: Mapping[str, Any]) -> str:
    """Change values in a YAML file and nothing else, comments included."""
    yaml = YAML()
    yaml.width = 4096
    content = yaml.load(text)
    for path, value in changes.items():
        *parents, last = path.split(".")
        part = content
        for name in parents:
            if part.get(name) is None:
                part[name] = CommentedMap()
                part[name].fa.set_flow_style()
            part = part[name]
        if part.get(last, ...) != value:
            part[last] = value
    out = io.StringIO()
    yaml.dump(content, out)
    return out.getvalue()
