"""Show what a search chose, as a change of params.yaml that `git apply` takes."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.params.file import read_params
from pipeline.tuning.adopting import adopted, changed_yaml, check_searched
from pipeline.tuning.criteria import CRITERIA, choose
from pipeline.tuning.tables import read_trials


def main(words: Sequence[str]) -> int:
    """Print the change that adopts the setting which a criterion chose for an arm."""
    parser = argparse.ArgumentParser(prog="python -m pipeline adopt", description=__doc__)
    parser.add_argument("arm")
    parser.add_argument("--criterion", choices=list(CRITERIA), default="weakly_supervised")
    arguments = parser.parse_args(words)
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
        return 0
    print(difference, end="")
    print(f"the setting of {told}; to apply it: make -s adopt ARM={arguments.arm} | git apply", file=sys.stderr)
    if params.tune[arguments.arm].common:
        print(f"what tune.{arguments.arm}.common changed for the search only is not in it", file=sys.stderr)
    return 0
