"""Stage equalize_xrays: the X-rays of an arm as one prepared array."""

from pathlib import Path

from pipeline.files import remove, write_csv
from pipeline.images import read_images, write_images
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage
from pipeline.workers import worker_count
from pipeline.xrays.pictures import before_and_after
from pipeline.xrays.prepare import check_failures, index_of, prepare_parts, read_pixels, read_status
from pipeline.xrays.splits import read_split


def main(arm: str) -> str:
    """Prepare one arm's X-rays."""
    params = read_params()
    params.check_arm(arm, "equalize_xrays")
    settings = params.equalize_xrays[arm]
    root = Path("data/raw") / params.split_xrays[arm].collection
    table = read_split(Path("data/interim") / arm / "split.csv")
    scratch = Path(".cache/equalize_xrays") / arm
    parts = prepare_parts(table, root, settings, scratch, worker_count(params.compute))
    status = read_status(parts, table)
    write_csv(Path("data/interim") / arm / "images_status.csv", status)
    check_failures(status, settings.allowed_failures)
    folder = Path("data/prepared") / arm
    write_images(folder, read_pixels(parts), index_of(table, status))
    prepared = read_images(folder)
    rows = before_and_after(prepared, root, settings)
    contact_sheet(Path("reports/data") / arm / "images.png", f"{arm}: X-rays before and after preparation", rows)
    remove(scratch)
    return f"{arm}: {len(prepared.index)} X-rays prepared, {(status['status'] == 'failed').sum()} failed"


if __name__ == "__main__":
    run_stage(main)
