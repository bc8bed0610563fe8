"""Generate the demo slides and X-rays: ``python -m stages.demo_data``."""

from pathlib import Path

from pipeline.demo.slides import make_slides
from pipeline.demo.xrays import make_xrays
from pipeline.files import atomic
from pipeline.inventory import make_inventory
from pipeline.params.file import read_params
from pipeline.stage import run_stage
from pipeline.workers import worker_count

RAW = Path("data/raw")


def main() -> str:
    """Write both collections in the layouts of Camelyon16 and NIH ChestX-ray14, with their inventories."""
    params = read_params()
    demo, workers = params.demo_data, worker_count(params.compute)
    with atomic(RAW / "demo_slides") as folder:
        slides = make_slides(folder, demo.slides, demo.seed, workers)
    with atomic(RAW / "demo_xrays") as folder:
        xrays = make_xrays(folder, demo.xrays, demo.seed, workers)
    for collection in ("demo_slides", "demo_xrays"):
        make_inventory(
            RAW / collection,
            RAW / "inventory" / f"{collection}.csv",
            Path(".cache/inventory") / f"{collection}.json",
        )
    return f"generated {slides} slides and {xrays} X-rays (drawn, not of patients)"


if __name__ == "__main__":
    run_stage(main)
