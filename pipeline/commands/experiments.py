"""Print the commands that queue every combination of a search as experiments of DVC."""

import argparse
import json
import shlex
from collections.abc import Sequence

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
        PipelineError: If the arm has no space.
    """
    params = read_params()
    params.check_arm(arm, "tune")
    space = Space(params, arm)
    lines = []
    for number, member in enumerate(space.members):
        words = ["dvc", "exp", "run", "--queue", "-n", f"{arm}-{number}"]
        for path, value in space.changes(member.options).items():
            words += ["-S", f"{path}={json.dumps(value)}"]
        lines.append(shlex.join(words))
    return lines
