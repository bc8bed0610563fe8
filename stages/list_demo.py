"""Say which of the demo's collections the lists of arms ask for: ``python -m stages.list_demo``."""

from pipeline import layout
from pipeline.files import write_text
from pipeline.params.file import read_params
from pipeline.stage import run_stage

LISTED = "listed\n"
UNLISTED = "not listed\n"


def main() -> str:
    """Write a file per collection, which other arms in the lists do not change."""
    params = read_params()
    listed = {"slides": params.arms.slides, "xrays": params.arms.xrays}
    drawn = {kind: any(params.data(arm).generated for arm in arms) for kind, arms in listed.items()}
    for kind, asked in drawn.items():
        write_text(layout.demo_list(kind), LISTED if asked else UNLISTED)
    return f"to be drawn: {', '.join(layout.demo_collection(kind) for kind in drawn if drawn[kind]) or 'nothing'}"


if __name__ == "__main__":
    run_stage(main)
