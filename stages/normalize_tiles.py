"""Give the tiles of an arm one staining and shrink them: ``python -m stages.normalize_tiles <arm>``."""

from functools import partial
from pathlib import Path

from pipeline.files import write_csv
from pipeline.params import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.slides.collection import check_arm
from pipeline.slides.pictures import before_and_after
from pipeline.slides.preparing import count_tiles, normalize_slide, prepare_tiles, read_tiles, target_normalizer
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write the prepared array of an arm, a picture of tiles before and after, and the counts."""
    check_arm(arm)
    params = read_params()
    slides, size, settings = params.slides[arm], params.sample_tiles[arm].tile_size, params.normalize_tiles[arm]
    root, report = Path("data/raw") / arm, Path("reports/data") / arm
    tiles = read_tiles(Path("data/interim") / arm / "tiles.csv")
    normalizer = target_normalizer(root, slides, settings, arm)
    sizes = (size, settings.working_size)
    job = partial(normalize_slide, root=root, slides=slides, arm=arm, sizes=sizes, normalizer=normalizer)
    tiles, examples = prepare_tiles(tiles, Path("data/prepared") / arm, job, params.compute.workers)
    write_csv(report / "counts.csv", count_tiles(tiles))
    contact_sheet(
        report / "normalisation.png", f"{arm}: stains, {settings.method}", before_and_after(tiles, examples), 96
    )
    kept = tiles["reason"] == ""
    return f"{arm}: {kept.sum()} tiles normalised ({settings.method}), {(~kept).sum()} left out for too little stain"


if __name__ == "__main__":
    run_stage(main)
