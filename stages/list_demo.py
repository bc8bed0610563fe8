"""Say which of the demo's collections the listed arms ask for: ``python -m stages.list_demo``."""

from pipeline.arms import read_arm
from pipeline.demo.listing import DRAWN, LISTED, UNLISTED
from pipeline.files import write_text
from pipeline.layout import demo_collection, demo_list
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main() -> str:
    """Write a file per collection, which other arms in the lists do not change."""
    asked = {read_arm(arm).data.collection_of(arm) for arm in read_params().arms.prepared}
    drawn = {kind: demo_collection(kind) in asked for kind in DRAWN}
    for kind, listed in drawn.items():
        write_text(demo_list(kind), LISTED if listed else UNLISTED)
    return f"to be drawn: {', '.join(demo_collection(kind) for kind in drawn if drawn[kind]) or 'nothing'}"


if __name__ == "__main__":
    run_stage(main)
