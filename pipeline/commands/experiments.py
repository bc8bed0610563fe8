"""Print the commands that queue every combination of a search as experiments of DVC."""

import argparse
import json
import shlex
from collections.abc import Sequence

from pipeline.arms import read_arm
from pipeline.errors import PipelineError
from pipeline.layout import arm_file
from pipeline.params.file import read_params
from pipeline.tuning.space import Space


def main(words: Sequence[str]) -> int:
    """Print a command per member of an arm's space."""
    parser = argparse.ArgumentParser(prog="python -m pipeline experiments", description=__doc__)
    parser.add_argument("arm")
    print(*queue_commands(parser.parse_args(words).arm), sep="\n")
    return 0


def queue_commands(arm: str) -> list[str]:
    """Return the commands that queue every member of the arm's space.

    Raises:
        PipelineError: If the arm has no space, or one of several detectors.
    """
    searched = read_arm(arm)
    if searched.search.detector is None:
        raise PipelineError(
            f"{arm_file(arm)}: tune.space names several detectors, and experiments are of one: search them by "
            f"`make tune ARM={arm}`, or name one in tune.detector"
        )
    space = Space(searched, read_params().compute)
    lines = []
    for number, member in enumerate(space.members):
        words = ["dvc", "exp", "run", "--queue", "-n", f"{arm}-{number}"]
        for path, value in space.searched(member.options).items():
            new = "" if searched.has(path) else "+"  # DVC wants to be told that a key is new
            words += ["-S", f"{arm_file(arm)}:{new}{path}={json.dumps(value)}"]
        lines.append(shlex.join(words))
    return lines
