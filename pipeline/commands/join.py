"""``make join``: help a search that ``make tune`` leads on another machine with the same commit, data and storage."""

import argparse
from pathlib import Path
from uuid import uuid4

from pipeline.errors import PipelineError
from pipeline.params.file import read_params
from pipeline.stage import errors_in_one_sentence
from pipeline.tuning.arm_search import ArmSearch


def main(arm: str) -> None:
    """Run trials until the search has ended.

    Raises:
        PipelineError: If the arm has no storage that machines can share.
    """
    params = read_params()
    params.check_arm(arm, "tune")
    if params.tune[arm].storage is None:
        raise PipelineError(
            f"params.yaml: tune.{arm}.storage is null: name one that both machines reach, and commit it"
        )
    helper = f"helper-{uuid4()}"
    ArmSearch(params, arm, Path(".cache/tuning") / arm).join(helper)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="pipeline.commands.join", description=__doc__)
    parser.add_argument("arm")
    with errors_in_one_sentence():
        main(parser.parse_args().arm)
