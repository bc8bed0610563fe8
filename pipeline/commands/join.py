"""Help a search that runs on another machine.

Both have the same commit and data, and reach the search's storage.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from pipeline.errors import PipelineError
from pipeline.params.file import read_params
from pipeline.tuning.arm_search import ArmSearch


def main(words: Sequence[str]) -> int:
    """Run trials until the search has ended.

    Raises:
        PipelineError: If the arm has no storage that machines can share.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline join", description=__doc__)
    parser.add_argument("arm")
    arm = parser.parse_args(words).arm
    params = read_params()
    params.check_arm(arm, "tune")
    if params.tune[arm].storage is None:
        raise PipelineError(
            f"params.yaml: tune.{arm}.storage is null: name one that both machines reach, and commit it"
        )
    helper = f"helper-{uuid4()}"
    ArmSearch(params, arm, Path(".cache/tuning") / arm).join(helper)
    return 0
