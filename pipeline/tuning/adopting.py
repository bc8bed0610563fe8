"""What a search chose, as a change of params.yaml that a person applies and commits."""

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from pipeline.errors import PipelineError
from pipeline.params.file import Params
from pipeline.tuning.space import Options, Space


def check_searched(path: Path, params: Params, arm: str) -> None:
    """Check that a search was made with the section ``tune`` as it is now.

    Raises:
        PipelineError: If it was not, or none was made.
    """
    if not path.is_file():
        raise PipelineError(f"{path} is missing: run `make tune ARM={arm}`")
    then, now = json.loads(path.read_text(encoding="utf-8")), params.tune[arm].searched
    changed = sorted(key for key in {*then, *now} if then.get(key) != now.get(key))
    if changed:
        raise PipelineError(
            f"tune.{arm}.{changed[0]} of params.yaml was another in the search: run `make tune ARM={arm}`"
        )


def adopted(params: Params, arm: str, trial: pd.Series) -> dict[str, Any]:
    """Return what a trial changes in params.yaml: path to value.

    Where trials stopped early, the final training lasts as long as the folds did on average, since it has no fold to
    stop by (the paper's iterations are such means).

    Args:
        params: All settings.
        arm: The arm.
        trial: Its row of the table of trials.
    """
    space = Space(params, arm)
    options: Options = {dimension: trial[dimension] for dimension in space.choices}
    changes, chosen = space.changes(options), space.member(options).train
    folds = [str(column) for column in trial.index if str(column).startswith("iterations_")]
    lasting = chosen.lasting([trial[column] for column in folds])
    section = f"train.{arm}"
    changes = {
        path: value
        for path, value in changes.items()
        if not any(f"{path}.".startswith(f"{section}.{key}.") for key in lasting)
    }
    return changes | {f"{section}.{key}": value for key, value in lasting.items()}


def changed_yaml(text: str, changes: Mapping[str, Any]) -> str:
    """Change values in a YAML file and nothing else, comments included."""

    def change(content: Any) -> None:
        for path, value in changes.items():
            *parents, last = path.split(".")
            part = content
            for name in parents:
                if not isinstance(part, list) and part[name] is None:
                    part[name] = {}
                part = part[int(name)] if isinstance(part, list) else part[name]
            key: Any = int(last) if isinstance(part, list) else last
            if isinstance(part, list) or part.get(key, ...) != value:
                part[key] = value

    return edited_yaml(text, change)


def edited_yaml(text: str, edit: Callable[[Any], None]) -> str:
    """Let a function edit the content of a YAML file, and leave comments and form as they are."""
    yaml = YAML()
    yaml.width = 4096
    content = yaml.load(text)
    edit(content)
    out = io.StringIO()
    yaml.dump(content, out)
    return out.getvalue()
