"""Say which collections are present, complete or missing, and list their files."""

import argparse
from collections.abc import Sequence

from pipeline.arms import every_arm, read_arm
from pipeline.data.checking import check_collections
from pipeline.errors import PipelineError
from pipeline.params.file import read_params


def main(words: Sequence[str]) -> int:
    """Print a table, write the inventories, one per arm, and read the CSVs that describe collections.

    Returns:
        1 if one of the arms cannot run with what is there, else 0.

    Raises:
        PipelineError: If an arm is unknown.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline check-data", description=__doc__)
    parser.add_argument("arms", nargs="*", metavar="arm", help="an arm that is to run; without: those of params.yaml")
    named = parser.parse_args(words).arms
    params = read_params()
    arms = named or [*params.arms.prepared]
    settings_of = {arm: read_arm(arm).data for arm in sorted({*every_arm(), *params.arms.prepared})}
    unknown = [arm for arm in arms if arm not in settings_of]
    if unknown:
        raise PipelineError(f"{unknown[0]!r} is not an arm: choose from {', '.join(settings_of)}")
    return 0 if check_collections(settings_of, arms) else 1
