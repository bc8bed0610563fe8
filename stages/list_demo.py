"""Say which of the demo's collections the lists of arms ask for: ``python -m stages.list_demo``."""

from pathlib import Path

from pipeline.files import write_text
from pipeline.params.file import read_params
from pipeline.stage import run_stage

LISTED = "listed\n"
UNLISTED = "not listed\n"


def main() -> str:
    """Write a file per collection, which other arms in the lists do not change."""
    params = read_params()
    listed = {"slides": "demo_slides" in params.arms.slides, "xrays": "demo_xrays" in params.arms.xrays}
    for kind, asked in listed.items():
        write_text(Path("data/interim/demo") / f"{kind}.txt", LISTED if asked else UNLISTED)
    return f"to be drawn: {', '.join(f'demo_{kind}' for kind, asked in listed.items() if asked) or 'nothing'}"


if __name__ == "__main__":
    run_stage(main)
