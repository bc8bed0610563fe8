"""Say which of the demo's collections the listed arms ask for: ``python -m stages.list_demo``."""

from pipeline.arms import read_arm
from pipeline.files import write_text
from pipeline.layout import INTERIM
from pipeline.params.file import read_params
from pipeline.stage import run_stage

LISTED = "listed\n"
UNLISTED = "not listed\n"
DRAWN = {"slides": "demo_slides", "xrays": "demo_xrays"}  # what demo_data draws of each kind


def main() -> str:
    """Write a file per collection, which other arms in the lists do not change."""
    asked = {read_arm(arm).data.collection_of(arm) for arm in read_params().arms.prepared}
    for kind, collection in DRAWN.items():
        write_text(INTERIM / "demo" / f"{kind}.txt", LISTED if collection in asked else UNLISTED)
    return f"to be drawn: {', '.join(sorted(asked & {*DRAWN.values()})) or 'nothing'}"


if __name__ == "__main__":
    run_stage(main)
