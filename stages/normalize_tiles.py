"""Give the tiles of an arm one staining and shrink them: ``python -m stages.normalize_tiles <arm>``."""

from pipeline.arms import read_arm
from pipeline.compute.workers import worker_count
from pipeline.data.slides.prepared_arm import add_prepared, prepare_arm
from pipeline.data.slides.settings import Settings
from pipeline.data.slides.status import check_failures, read_status
from pipeline.files import remove, write_csv
from pipeline.layout import INTERIM, PREPARED, SCRATCH
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write the prepared array of an arm, and which tiles were left out and why."""
    params = read_params()
    settings = read_arm(arm).data_as(Settings)
    interim, scratch = INTERIM / arm, SCRATCH / "normalize_tiles" / arm
    normalized = interim / "normalized"
    tiles = prepare_arm(arm, settings, PREPARED / arm, normalized, scratch, worker_count(params.compute))
    write_csv(normalized / "status.csv", add_prepared(read_status(interim / "tiles" / "status.csv"), tiles))
    left_out = [reason for reason in tiles["reason"] if reason]
    check_failures(left_out, len(tiles), settings.collection.allowed_failures, arm, "tiles")
    remove(scratch)
    method = settings.normalize_tiles.method
    return f"{arm}: {len(tiles) - len(left_out)} tiles normalised ({method}), {len(left_out)} left out"


if __name__ == "__main__":
    run_stage(main)
