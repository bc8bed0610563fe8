"""Help a search that runs on another machine.

Both have the same commit and data, and reach the search's storage.
"""

import argparse
from collections.abc import Sequence
from uuid import uuid4

from pipeline.arms import read_arm
from pipeline.errors import PipelineError
from pipeline.layout import SCRATCH, arm_file
from pipeline.params.file import read_params
from pipeline.tuning.arm_search import ArmSearch


def main(words: Sequence[str]) -> int:
    """Run trials until the search has ended.

    Raises:
        PipelineError: If the arm has no storage that machines can share.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline join", description=__doc__)
    parser.add_argument("arm")
    arm = read_arm(parser.parse_args(words).arm)
    if arm.search.storage is None:
        raise PipelineError(
            f"{arm_file(arm.name)}: tune.storage is null: name one that both machines reach, and commit it"
        )
    helper = f"helper-{uuid4()}"
    ArmSearch(read_params(), arm, SCRATCH / "tuning" / arm.name).join(helper)
    return 0
