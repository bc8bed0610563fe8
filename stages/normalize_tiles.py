"""Give the tiles of an arm one staining and shrink them: ``python -m stages.normalize_tiles <arm>``."""

from pathlib import Path

from pipeline.files import remove, write_csv
from pipeline.inventory import read_inventory
from pipeline.params.file import read_params
from pipeline.scratch import make_parts, scratch_key
from pipeline.slides.preparing import NormalizeJob, add_prepared, join_tiles, target_normalizer
from pipeline.slides.status import check_failures, read_status
from pipeline.slides.tiles import read_tiles
from pipeline.stage import run_stage
from pipeline.workers import worker_count


def main(arm: str) -> str:
    """Write the prepared array of an arm, and which tiles were left out and why."""
    params = read_params()
    params.check_arm(arm, "normalize_tiles")
    slides, size, settings = params.slides[arm], params.sample_tiles[arm].tile_size, params.normalize_tiles[arm]
    root, interim, scratch = Path("data/raw") / arm, Path("data/interim") / arm, Path(".cache/normalize_tiles") / arm
    tiles, status = read_tiles(interim / "tiles" / "tiles.csv"), read_status(interim / "tiles" / "status.csv")
    inventory = read_inventory(Path(f"data/raw/inventory/{arm}.csv")).set_index("path")["md5"]
    job = NormalizeJob(root, slides, size, settings, target_normalizer(root, slides, settings, arm), arm)
    facts = (slides.reading, size, settings, inventory.get(settings.target.file))
    groups = [own.reset_index(drop=True) for _, own in tiles.groupby("slide")]
    items = [(scratch_key(facts, inventory[own["path"].iloc[0]], own.to_csv()), own) for own in groups]
    parts = make_parts(job, items, scratch, worker_count(params.compute), "stain normalisation", "tiles")
    tiles = join_tiles(tiles, parts, Path("data/prepared") / arm, interim / "normalized")
    write_csv(interim / "normalized" / "status.csv", add_prepared(status, tiles))
    left_out = tiles.loc[tiles["reason"] != "", "reason"].tolist()
    check_failures(left_out, len(tiles), slides.allowed_failures, arm, "tiles")
    remove(scratch)
    return f"{arm}: {len(tiles) - len(left_out)} tiles normalised ({settings.method}), {len(left_out)} left out"


if __name__ == "__main__":
    run_stage(main)
