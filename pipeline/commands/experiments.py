"""The members of a search space as DVC experiments: prints the commands that queue them."""

import argparse
import json
import shlex

from pipeline.params.file import read_params
from pipeline.stage import errors_in_one_sentence
from pipeline.tuning.space import Space


def main(arm: str) -> list[str]:
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="pipeline.commands.experiments", description=__doc__)
    parser.add_argument("arm")
    with errors_in_one_sentence():
        print("\n".join(main(parser.parse_args().arm)))
