"""Find the tissue of every slide of an arm: ``python -m stages.tissue_masks <arm>``."""

from functools import partial
from pathlib import Path

import pandas as pd

from pipeline.files import atomic, write_csv
from pipeline.inventory import read_inventory
from pipeline.params import read_params
from pipeline.slides.collection import check_arm, read_collection
from pipeline.slides.masking import COLUMNS, check_failures, mask_slide
from pipeline.stage import run_stage
from pipeline.workers import process_all


def main(arm: str) -> str:
    """Write the masks and the status table of an arm's slides."""
    check_arm(arm)
    params = read_params()
    slides, tissue = params.slides[arm], params.tissue_masks[arm]
    root = Path("data/raw") / arm
    records = read_collection(root, read_inventory(Path(f"data/raw/inventory/{arm}.csv")), slides, arm)
    with atomic(Path("data/interim") / arm / "masks") as folder:
        folder.mkdir()
        job = partial(mask_slide, root=root, folder=folder, slides=slides, tissue=tissue, arm=arm)
        rows = list(process_all(job, records, params.compute.workers, "tissue masks"))
        table = pd.DataFrame(rows, columns=COLUMNS)
        check_failures(table["reason"], f"the slides of {arm}")
        write_csv(folder / "slides.csv", table.astype({"threshold": "Int64", "width": "Int64", "height": "Int64"}))
    found = int((table["status"] == "ok").sum())
    return f"{arm}: tissue found on {found} of {len(table)} slides, on average {table['tissue'].mean():.0%} of a slide"


if __name__ == "__main__":
    run_stage(main)
