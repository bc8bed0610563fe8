"""Give the tiles of an arm one staining and shrink them: ``python -m stages.normalize_tiles <arm>``."""

from pathlib import Path

from pipeline.files import remove, write_csv
from pipeline.inventory import check_unchanged, read_inventory
from pipeline.params.file import read_params
from pipeline.scratch import make_parts
from pipeline.slides.joining import add_prepared, join_tiles
from pipeline.slides.preparing import NormalizeJob
from pipeline.slides.status import check_failures, read_status
from pipeline.slides.target import target_normalizer
from pipeline.slides.tiles import read_tiles
from pipeline.stage import run_stage
from pipeline.workers import worker_count


def main(arm: str) -> str:
    """Write the prepared array of an arm, and which tiles were left out and why."""
    params = read_params()
    params.check_arm(arm, "normalize_tiles")
    slides, size, settings = params.slides[arm], params.sample_tiles[arm].tile_size, params.normalize_tiles[arm]
    root, interim, scratch = Path("data/raw") / arm, Path("data/interim") / arm, Path(".cache/normalize_tiles") / arm
    tiles = read_tiles(interim / "tiles" / "tiles.csv")
    inventory = read_inventory(Path(f"data/raw/inventory/{arm}.csv"))
    check_unchanged(root, inventory, [settings.target.file, *tiles["path"].unique()])
    job = NormalizeJob(root, slides, size, settings, target_normalizer(root, slides, settings, arm), arm)
    workers = worker_count(params.compute)
    parts = make_parts(job, job.items(tiles, inventory), scratch, workers, "stain normalisation", "tiles")
    tiles = join_tiles(tiles, parts, Path("data/prepared") / arm, interim / "normalized", job)
    write_csv(interim / "normalized" / "status.csv", add_prepared(read_status(interim / "tiles" / "status.csv"), tiles))
    left_out = [reason for reason in tiles["reason"] if reason]
    check_failures(left_out, len(tiles), slides.allowed_failures, arm, "tiles")
    remove(scratch)
    return f"{arm}: {len(tiles) - len(left_out)} tiles normalised ({settings.method}), {len(left_out)} left out"


if __name__ == "__main__":
    run_stage(main)
