"""Split an arm of folders and prepare its images as one array: ``python -m stages.prepare_folder <arm>``."""

from pipeline.arms import read_arm
from pipeline.compute.workers import worker_count
from pipeline.data.before_and_after import before_and_after
from pipeline.data.folders.page import count_table, split_page
from pipeline.data.folders.prepared_arm import prepare_arm, split_arm, without_failed
from pipeline.data.folders.settings import Settings
from pipeline.data.folders.splits import warnings_of
from pipeline.data.images import read_images
from pipeline.files import write_csv, write_text
from pipeline.layout import DATA_REPORTS, INTERIM, PREPARED, SCRATCH
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write an arm's split, its prepared array, what became of each image, and a page and a picture of them."""
    params, settings, report = read_params(), read_arm(arm).data_as(Settings), DATA_REPORTS / arm
    table = split_arm(arm, settings)
    status_csv, parts = INTERIM / arm / "images_status.csv", SCRATCH / "folders" / arm
    status, thumbnails = prepare_arm(arm, settings, PREPARED / arm, status_csv, parts, worker_count(params.compute))
    table = without_failed(table, status)
    print(*(f"warning: {arm}: {warning}\n" for warning in warnings_of(table)), sep="", end="", flush=True)
    write_csv(report / "counts.csv", count_table(table))
    write_text(report / "split.md", split_page(table, arm, settings.collection.unit))
    rows = before_and_after(prepared := read_images(PREPARED / arm), status, thumbnails)
    contact_sheet(report / "images.png", f"{arm}: images before and after preparation", rows)
    failed = (status["status"] == "failed").sum()
    return f"{arm}: {len(prepared.index)} of {len(table)} images prepared, {failed} failed"


if __name__ == "__main__":
    run_stage(main)
