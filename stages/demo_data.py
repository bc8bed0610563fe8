"""Generate the demo's slides or X-rays: ``python -m stages.demo_data <kind>``."""

from pipeline import layout
from pipeline.compute.workers import worker_count
from pipeline.data.inventory import SCRATCH, make_inventory
from pipeline.demo.listing import is_listed, leave_empty
from pipeline.demo.slides import make_slides
from pipeline.demo.xrays import make_xrays
from pipeline.files import atomic
from pipeline.layout import RAW
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main(kind: str) -> str:
    """Write a collection in the layout of Camelyon16 or NIH ChestX-ray14, with its inventory; empty if no arm asks."""
    params = read_params()
    demo, workers, name = params.demo_data, worker_count(params.compute), layout.demo_collection(kind)
    with atomic(RAW / name) as folder:
        if not is_listed(kind):
            return leave_empty(folder, name)
        if kind == "slides":
            count = make_slides(folder, demo.slides, demo.seed, workers)
        else:
            count = make_xrays(folder, demo.xrays, demo.seed, workers)
    make_inventory(RAW / name, layout.inventory(name), SCRATCH / f"{name}.json")
    return f"generated {count} {kind} (drawn, not of patients)"


if __name__ == "__main__":
    run_stage(main)
