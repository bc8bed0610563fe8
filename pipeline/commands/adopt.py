"""Show what a search chose, as a change of the arm's file that `git apply` takes.

A detector that runs nowhere yet is named in params.yaml, too.
"""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.arms import read_arm
from pipeline.errors import PipelineError
from pipeline.layout import PARAMS, arm_file, tuning
from pipeline.params.editing import changed_yaml
from pipeline.params.file import read_params
from pipeline.tuning.adopting import adopted, check_searched, listed
from pipeline.tuning.criteria import CRITERIA, choose
from pipeline.tuning.tables import read_trials


def main(words: Sequence[str]) -> int:
    """Print the change that adopts the setting which a criterion chose for an arm.

    Raises:
        PipelineError: If no search is there, its section has changed since, or the criterion does not choose among its
            detectors.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline adopt", description=__doc__)
    parser.add_argument("arm")
    parser.add_argument("--criterion", choices=list(CRITERIA), default="weakly_supervised")
    arguments = parser.parse_args(words)
    arm, file = read_arm(arguments.arm), arm_file(arguments.arm)
    check_searched(tuning(arm.name) / "search.json", arm)
    trials = read_trials(tuning(arm.name) / "trials.csv", arm.name)
    chosen, params = choose(trials), read_params()
    if arguments.criterion not in chosen:
        raise PipelineError(
            f"{arguments.criterion} compares no detectors, since each has a loss of its own: choose by "
            f"{' or '.join(chosen)}"
        )
    number = chosen[arguments.criterion]
    taken = adopted(arm, params.compute, trials[trials["trial"] == number].iloc[0])
    before, lists = (path.read_text(encoding="utf-8") for path in (file, PARAMS))
    difference = _difference(file, before, changed_yaml(before, taken.changes))
    difference += _difference(PARAMS, lists, listed(lists, params, taken.detector))
    choice = f"trial {number} of {arm.name}, chosen by {CRITERIA[arguments.criterion].text}"
    if not difference:
        print(f"{file} holds the setting of {choice} already", file=sys.stderr)
        return 0
    print(difference, end="")
    print(f"the setting of {choice}; to apply it: make -s adopt ARM={arm.name} | git apply", file=sys.stderr)
    if arm.search.common:
        print("what tune.common changed for the search only is not in it", file=sys.stderr)
    return 0


def _difference(file: Path, before: str, after: str) -> str:
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(difflib.unified_diff(old, new, f"a/{file}", f"b/{file}"))
