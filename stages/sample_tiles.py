"""Draw the tiles of an arm: ``python -m stages.sample_tiles <arm>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.data.inventory import check_unchanged, read_inventory
from pipeline.data.slides.sampling import Sampler, check_roles
from pipeline.data.slides.settings import Settings
from pipeline.data.slides.status import check_failures, read_status
from pipeline.files import atomic, write_csv
from pipeline.layout import INTERIM, RAW
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write the table of tiles and the status table of the slides."""
    settings = read_arm(arm).data_as(Settings)
    slides, sampling = settings.collection, settings.sample_tiles
    root, interim = RAW / arm, INTERIM / arm
    status = read_status(interim / "masks" / "status.csv")
    annotations = status.loc[(status["status"] == "ok") & (status["annotation"] != ""), "annotation"]
    inventory = read_inventory(layout.inventory(arm))
    check_unchanged(root, inventory, [*sampling.tile_lists, *annotations])
    side = round(settings.mask_pixels)
    tiles, status = Sampler(root, interim / "masks", side, slides, sampling, arm).collection(status)
    with atomic(interim / "tiles") as folder:
        folder.mkdir()
        write_csv(folder / "tiles.csv", tiles)
        write_csv(folder / "status.csv", status)
    failed = status.loc[status["status"] == "failed", "reason"].tolist()
    used = int((status["status"] != "unused").sum())
    check_failures(failed, used, slides.allowed_failures, arm, "slides")
    check_roles(tiles, status, arm, interim / "tiles" / "status.csv")
    tumour = tiles["role"].str.endswith("tumour").sum()
    slides_used = tiles["slide"].nunique()
    return f"{arm}: {len(tiles)} tiles of {slides_used} slides, {tumour} with tumour; {len(failed)} slides failed"


if __name__ == "__main__":
    run_stage(main)
