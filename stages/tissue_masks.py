"""Find the tissue of every slide of an arm: ``python -m stages.tissue_masks <arm>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.compute.scratch import make_parts, scratch_key
from pipeline.compute.workers import worker_count
from pipeline.data.inventory import check_unchanged, read_inventory
from pipeline.data.slides.collection import read_collection, warn_of_copies
from pipeline.data.slides.masks import MaskJob, join_masks
from pipeline.data.slides.settings import Settings
from pipeline.data.slides.status import check_failures
from pipeline.files import remove
from pipeline.layout import INTERIM, RAW, SCRATCH
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write masks, thumbnails and the status table of an arm's slides."""
    settings = read_arm(arm).data_as(Settings)
    slides, tissue = settings.collection, settings.tissue_masks
    root, scratch, inventory = RAW / arm, SCRATCH / "tissue_masks" / arm, read_inventory(layout.inventory(arm))
    records = read_collection(root, inventory, slides, arm)
    warn_of_copies(records)
    used = [record for record in records if record.role]
    check_unchanged(root, inventory, [path for record in used for path in (record.path, record.annotation) if path])
    checksums = dict(zip(inventory["path"], inventory["md5"], strict=True))
    items = [(scratch_key(slides.reading, tissue, record, checksums[record.path]), record) for record in used]
    job = MaskJob(root, slides, tissue, arm)
    parts = make_parts(job, items, scratch, worker_count(read_params().compute), "tissue masks", "slides")
    unused = [record for record in records if not record.role]
    table = join_masks(INTERIM / arm / "masks", parts, unused)
    failed = table.loc[table["status"] == "failed", "reason"].tolist()
    check_failures(failed, len(used), slides.allowed_failures, arm, "slides")
    remove(scratch)
    return f"{arm}: {len(used)} slides, {len(failed)} failed, {(table['warnings'] != '').sum()} with warnings"


if __name__ == "__main__":
    run_stage(main)
