"""Show what became of the slides of an arm: ``python -m stages.show_slides <arm>``."""

from pipeline.arms import read_arm
from pipeline.data.slides.page import slide_page
from pipeline.data.slides.pictures import SMALL, SlidePictures, before_and_after
from pipeline.data.slides.prepared_arm import count_tiles
from pipeline.data.slides.settings import Settings
from pipeline.data.slides.status import read_status
from pipeline.data.slides.tiles import read_tiles
from pipeline.files import atomic, write_csv
from pipeline.layout import DATA_REPORTS, INTERIM, RAW
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write a picture of every slide, two contact sheets, the counts and a page."""
    settings = read_arm(arm).data_as(Settings)
    method, interim, report = settings.normalize_tiles.method, INTERIM / arm, DATA_REPORTS / arm
    normalized = interim / "normalized"
    tiles, status = read_tiles(normalized / "tiles.csv"), read_status(normalized / "status.csv")
    pictures = SlidePictures(RAW / arm, interim / "masks", tiles, settings.sample_tiles, arm)
    with atomic(interim / "overlays") as folder:
        number = pictures.write_all(status, folder)
    title = f"{arm}: tissue blue, lesions red, tiles black"
    contact_sheet(report / "overlays.png", title, pictures.examples(status), SMALL)
    contact_sheet(report / "normalisation.png", f"{arm}: stains, {method}", before_and_after(tiles, normalized), 96)
    write_csv(report / "counts.csv", count_tiles(tiles))
    with atomic(report / "slides.md") as page:
        page.write_text(slide_page(status, arm, method), encoding="utf-8")
    return f"{arm}: {report / 'slides.md'} and {number} pictures in {interim / 'overlays'}"


if __name__ == "__main__":
    run_stage(main)
