"""Show what a search chose, as a change of the arm's file that `git apply` takes."""

import argparse
import difflib
import sys
from collections.abc import Sequence

from pipeline.arms import read_arm
from pipeline.layout import arm_file, tuning
from pipeline.params.editing import changed_yaml
from pipeline.params.file import read_params
from pipeline.tuning.adopting import adopted, check_searched
from pipeline.tuning.criteria import CRITERIA, choose
from pipeline.tuning.tables import read_trials


def main(words: Sequence[str]) -> int:
    """Print the change that adopts the setting which a criterion chose for an arm."""
    parser = argparse.ArgumentParser(prog="python -m pipeline adopt", description=__doc__)
    parser.add_argument("arm")
    parser.add_argument("--criterion", choices=list(CRITERIA), default="weakly_supervised")
    arguments = parser.parse_args(words)
    arm, file = read_arm(arguments.arm), arm_file(arguments.arm)
    check_searched(tuning(arm.name) / "search.json", arm)
    trials = read_trials(tuning(arm.name) / "trials.csv", arm.name)
    number = choose(trials)[arguments.criterion]
    changes = adopted(arm, read_params().compute, trials[trials["trial"] == number].iloc[0])
    before = file.read_text(encoding="utf-8")
    old, new = (text.splitlines(keepends=True) for text in (before, changed_yaml(before, changes)))
    difference = "".join(difflib.unified_diff(old, new, f"a/{file}", f"b/{file}"))
    choice = f"trial {number} of {arm.name}, chosen by {CRITERIA[arguments.criterion].text}"
    if not difference:
        print(f"{file} holds the setting of {choice} already", file=sys.stderr)
        return 0
    print(difference, end="")
    print(f"the setting of {choice}; to apply it: make -s adopt ARM={arm.name} | git apply", file=sys.stderr)
    if arm.search.common:
        print("what tune.common changed for the search only is not in it", file=sys.stderr)
    return 0
