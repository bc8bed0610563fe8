"""Give the tiles of an arm one staining and shrink them: ``python -m stages.normalize_tiles <arm>``."""

from pathlib import Path

from pipeline.compute.workers import worker_count
from pipeline.data.slides.prepared_arm import add_prepared, prepare_arm
from pipeline.data.slides.status import check_failures, read_status
from pipeline.files import remove, write_csv
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write the prepared array of an arm, and which tiles were left out and why."""
    params = read_params()
    params.check_arm(arm, "normalize_tiles")
    slides, size, settings = params.slides[arm], params.sample_tiles[arm].tile_size, params.normalize_tiles[arm]
    interim, scratch = Path("data/interim") / arm, Path(".cache/normalize_tiles") / arm
    prepared, normalized, workers = Path("data/prepared") / arm, interim / "normalized", worker_count(params.compute)
    tiles = prepare_arm(arm, slides, size, settings, prepared, normalized, scratch, workers)
    write_csv(normalized / "status.csv", add_prepared(read_status(interim / "tiles" / "status.csv"), tiles))
    left_out = [reason for reason in tiles["reason"] if reason]
    check_failures(left_out, len(tiles), slides.allowed_failures, arm, "tiles")
    remove(scratch)
    return f"{arm}: {len(tiles) - len(left_out)} tiles normalised ({settings.method}), {len(left_out)} left out"


if __name__ == "__main__":
    run_stage(main)
