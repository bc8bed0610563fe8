"""Prepare the X-rays of an arm as one array: ``python -m stages.equalize_xrays <arm>``."""

from pathlib import Path

from pipeline.files import write_csv
from pipeline.images import read_images, write_images
from pipeline.inventory import read_inventory
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage
from pipeline.workers import worker_count
from pipeline.xrays.files import locate_images
from pipeline.xrays.pictures import before_and_after
from pipeline.xrays.prepare import check_failures, image_status, index_of, prepare_images
from pipeline.xrays.splits import read_split
from pipeline.xrays.thumbnails import make_thumbnails


def main(arm: str) -> str:
    """Prepare one arm's X-rays; the thumbnails of its collection are made once and serve its other arms."""
    params = read_params()
    params.check_arm(arm, "equalize_xrays")
    settings, source = params.equalize_xrays[arm], params.split_xrays[arm]
    root, scratch = Path("data/raw") / source.collection, Path(".cache/thumbnails") / source.collection
    interim, folder, workers = Path("data/interim") / arm, Path("data/prepared") / arm, worker_count(params.compute)
    table, inventory = read_split(interim / "split.csv"), read_inventory(Path(f"data/raw/inventory/{arm}.csv"))
    files, size = locate_images(inventory, source.table), settings.thumbnail_size
    thumbnails = make_thumbnails(root, files, inventory, size, scratch, workers)
    status = image_status(table, thumbnails)
    write_csv(interim / "images_status.csv", status[["id", "status", "reason"]])
    check_failures(status, settings.allowed_failures)
    preparation = {"equalize_xrays": settings.model_dump(mode="json")}
    write_images(folder, prepare_images(status, thumbnails, settings), index_of(table, status), preparation)
    rows = before_and_after(prepared := read_images(folder), status, thumbnails)
    contact_sheet(Path("reports/data") / arm / "images.png", f"{arm}: X-rays before and after preparation", rows)
    return f"{arm}: {len(prepared.index)} X-rays prepared, {(status['status'] == 'failed').sum()} failed"


if __name__ == "__main__":
    run_stage(main)
