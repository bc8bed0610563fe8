"""``make adopt``: what was chosen, as a change of params.yaml that a person applies and commits."""

import argparse
import difflib
import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from pipeline.errors import PipelineError
from pipeline.params.file import Params, read_params
from pipeline.stage import errors_in_one_sentence
from pipeline.tuning.criteria import CRITERIA, choose
from pipeline.tuning.space import Options, Space
from pipeline.tuning.tables import read_trials


def main() -> None:
    """Print the change that adopts the setting which a criterion chose for an arm."""
    parser = argparse.ArgumentParser(prog="pipeline.tuning.adopting", description=__doc__)
    parser.add_argument("arm")
    parser.add_argument("--criterion", choices=list(CRITERIA), default="weakly_supervised")
    arguments = parser.parse_args()
    params = read_params()
    params.check_arm(arguments.arm, "tune")
    check_searched(Path("reports/arms") / arguments.arm / "tuning" / "search.json", params, arguments.arm)
    trials = read_trials(Path("reports/arms") / arguments.arm / "tuning" / "trials.csv", arguments.arm)
    number = choose(trials)[arguments.criterion]
    changes = adopted(params, arguments.arm, trials[trials["trial"] == number].iloc[0])
    before = Path("params.yaml").read_text(encoding="utf-8")
    old, new = (text.splitlines(keepends=True) for text in (before, changed_yaml(before, changes)))
    difference = "".join(difflib.unified_diff(old, new, "a/params.yaml", "b/params.yaml"))
    told = f"trial {number} of {arguments.arm}, chosen by {CRITERIA[arguments.criterion].text}"
    if not difference:
        print(f"params.yaml holds the setting of {told} already", file=sys.stderr)
        return
    print(difference, end="")
    print(f"the setting of {told}; to apply it: make -s adopt ARM={arguments.arm} | git apply", file=sys.stderr)
    if params.tune[arguments.arm].common:
        print(f"what tune.{arguments.arm}.common changed for the search only is not in it", file=sys.stderr)


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
    if chosen.early_stopping:
        folds = [trial[f"iterations_{fold}"] for fold in range(params.tune[arm].folds)]
        before = sum(step.transition + step.stable for step in chosen.steps[:-1]) + chosen.steps[-1].transition
        last = f"train.{arm}.schedule.{len(chosen.schedule) - 1}.stable"
        stopping = f"train.{arm}.early_stopping"
        changes = {path: value for path, value in changes.items() if not path.startswith(stopping)}
        changes[last] = max(1, round(sum(folds) / len(folds)) - before)
        changes[f"train.{arm}.grow"] = chosen.grow
        changes[stopping] = None
    return changes


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


if __name__ == "__main__":
    with errors_in_one_sentence():
        main()
