"""Check params.yaml and every arm's file before any other stage runs: ``python -m stages.check_params``."""

from pipeline.arms import check_arms
from pipeline.demo.listing import DRAWN, LISTED, UNLISTED
from pipeline.files import write_text
from pipeline.layout import INTERIM, demo_collection, demo_list, samples
from pipeline.params.file import read_params
from pipeline.stage import run_stage
from pipeline.tuning.space import check_spaces


def main() -> str:
    """Write what other stages wait for, which other settings do not change, so that these do not run again.

    The same line for all valid settings, and whether an arm of the lists is of a collection that a stage makes.
    """
    params = read_params()
    arms = check_arms(params)
    check_spaces(params.compute)
    asked = {arm.data.collection_of(arm.name) for arm in arms}
    write_text(INTERIM / "checked.txt", "params.yaml is valid\n")
    collections = {kind: demo_collection(kind) for kind in DRAWN} | {name: name for name in samples()}
    for kind, collection in collections.items():
        write_text(demo_list(kind), LISTED if collection in asked else UNLISTED)
    made = [collection for collection in collections.values() if collection in asked]
    return f"params.yaml and arms/ are valid; to be made: {', '.join(made) or 'nothing'}"


if __name__ == "__main__":
    run_stage(main)
