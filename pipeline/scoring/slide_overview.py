"""What a page shows of a slide: the slide, small, the places that score highest, and where all of this lies."""

from pathlib import Path

from pipeline.files import write_json, write_picture
from pipeline.scoring.whole_slide import Scored

OVERVIEW, FACTS = "overview.jpg", "slide.json"


def write_overview(folder: Path, scored: Scored) -> None:
    """Write the pictures and ``slide.json``, which says where they lie.

    Its lengths are in level-0 pixels: ``overview_pixel``, a pixel of the overview; ``view_pixel``, one of the heat map;
    ``highest``, corner and side of each picture, with its score.

    Args:
        folder: The slide's.
        scored: What scoring it gave.
    """
    facts = scored.facts
    write_picture(folder / OVERVIEW, facts.thumbnail)
    highest = []
    for number, (place, picture) in enumerate(zip(scored.places, scored.pictures, strict=True), 1):
        write_picture(folder / f"highest_{number}.jpg", picture)
        highest.append(vars(place) | {"picture": f"highest_{number}.jpg"})
    where = {
        "microns_per_pixel": facts.microns_per_pixel,
        "overview_pixel": facts.thumbnail_pixel,
        "view_pixel": scored.views.pitch,
        "highest": highest,
    }
    write_json(folder / FACTS, where)
