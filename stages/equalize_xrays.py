"""Prepare the X-rays of an arm as one array: ``python -m stages.equalize_xrays <arm>``."""

from pathlib import Path

from pipeline.compute.workers import worker_count
from pipeline.data.images import read_images
from pipeline.data.xrays.pictures import before_and_after
from pipeline.data.xrays.prepared_arm import colour_warning, prepare_arm
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write the prepared array of an arm, what became of each image, and a picture of some."""
    params = read_params()
    params.check_arm(arm, "equalize_xrays")
    settings, source = params.equalize_xrays[arm], params.split_xrays[arm]
    folder, status_csv = Path("data/prepared") / arm, Path("data/interim") / arm / "images_status.csv"
    status, thumbnails = prepare_arm(arm, source, settings, folder, status_csv, worker_count(params.compute))
    if warning := colour_warning(status):
        print(f"warning: {arm}: {warning}", flush=True)
    rows = before_and_after(prepared := read_images(folder), status, thumbnails)
    contact_sheet(Path("reports/data") / arm / "images.png", f"{arm}: X-rays before and after preparation", rows)
    return f"{arm}: {len(prepared.index)} X-rays prepared, {(status['status'] == 'failed').sum()} failed"


if __name__ == "__main__":
    run_stage(main)
