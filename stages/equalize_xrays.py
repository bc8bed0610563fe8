"""Prepare the X-rays of an arm as one array: ``python -m stages.equalize_xrays <arm>``."""

from pipeline.arms import read_arm
from pipeline.compute.workers import worker_count
from pipeline.data.before_and_after import before_and_after
from pipeline.data.images import read_images
from pipeline.data.xrays.prepared_arm import colour_warning, heading, prepare_arm
from pipeline.data.xrays.settings import Settings
from pipeline.layout import DATA_REPORTS, INTERIM, PREPARED
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write the prepared array of an arm, what became of each image, and a picture of some."""
    params = read_params()
    settings, folder = read_arm(arm).data_as(Settings), PREPARED / arm
    status_csv, workers = INTERIM / arm / "images_status.csv", worker_count(params.compute)
    status, thumbnails = prepare_arm(arm, settings, folder, status_csv, workers)
    if warning := colour_warning(status):
        print(f"warning: {arm}: {warning}", flush=True)
    rows = before_and_after(prepared := read_images(folder), status, thumbnails)
    contact_sheet(DATA_REPORTS / arm / "images.png", heading(arm, status), rows)
    return f"{arm}: {len(prepared.index)} X-rays prepared, {(status['status'] == 'failed').sum()} failed"


if __name__ == "__main__":
    run_stage(main)
