"""Draw the tiles of an arm and show them: ``python -m stages.sample_tiles <arm>``."""

from pathlib import Path

from pipeline.files import write_csv
from pipeline.params import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.slides.collection import check_arm
from pipeline.slides.masking import read_status
from pipeline.slides.pictures import SIDE, shown_slides
from pipeline.slides.sampling import overlay_slide, sample_collection
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write the table of tiles, the count of tiles per slide and a picture of some slides."""
    check_arm(arm)
    params = read_params()
    slides, tissue, settings = params.slides[arm], params.tissue_masks[arm], params.sample_tiles[arm]
    root, masks, report = Path("data/raw") / arm, Path("data/interim") / arm / "masks", Path("reports/data") / arm
    side = round(settings.tile_size * slides.microns_per_pixel / tissue.microns_per_pixel)
    table = read_status(masks)
    tiles, counts = sample_collection(table, root, masks, side, slides, settings, arm)
    rows = {}
    for kind, label in (("normal", 0), ("tumour", 1)):
        shown = shown_slides(table[table["label"] == label], 4)
        pictures = [
            overlay_slide(row, tiles, root, masks, slides, tissue, settings, arm) for _, row in shown.iterrows()
        ]
        rows[f"{kind}: {', '.join(shown['name'])}"] = pictures
    write_csv(masks.parent / "tiles.csv", tiles)
    write_csv(report / "slides.csv", counts)
    contact_sheet(report / "tiles.png", f"{arm}: tissue blue, lesions red, tiles black", rows, SIDE)
    return f"{arm}: {len(tiles)} tiles drawn from {tiles['slide'].nunique()} slides, {tiles['label'].sum()} with tumour"


if __name__ == "__main__":
    run_stage(main)
