"""Images that a page shows, with reconstructions and anomaly maps: those with the highest scores."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image, ImageOps

from pipeline.reporting.html import data_uri
from pipeline.scoring.images import picture_name
from pipeline.scoring.page_text import html

MOST = 200  # cards
# Pixels of a picture's longer side: smaller ones are enlarged, since WebP keeps half of their colours' pixels.
SIDE = 256
QUALITY = 80  # of WebP: these are looked at for findings

CARD = """<article class="card" id="image-{row}">
<h3><bdi dir="ltr">{name}</bdi></h3>
<div class="pictures">{pictures}</div>
<p class="facts">{badges}<span>score {score:g}</span> <span>percentile {percentile:.4g}</span> <span>p {p:.4g}</span>
<span>q {q:.4g}</span></p>{warning}
</article>
"""
WARNING = (
    '\n<p class="warning">It looks unlike the model\'s own images (appearance p {p:.4g}): '
    "its score may come from that alone.</p>"
)


def cards(table: pd.DataFrame, pictures: Path) -> list[str]:
    """Return a card per image that was drawn, flagged ones first since they have the highest scores.

    Args:
        table: Of images that have a score, indexed by row of the page's table.
        pictures: The folder of what was drawn.
    """
    files = table["name"].map(lambda name: pictures / f"{picture_name(name)}.png")
    table = table.assign(row=table.index, file=files)[files.isin([*pictures.glob("*.png")])]
    chosen = table.sort_values(["score", "name"], ascending=[False, True]).head(MOST)
    return [_card(facts) for facts in chosen.to_dict("records")]


def _card(facts: dict[Hashable, Any]) -> str:
    return CARD.format(
        **{str(key): facts[key] for key in ("row", "score", "percentile", "p", "q")},
        name=html(facts["name"]),
        pictures=_pictures(facts["file"]),
        badges='<span class="badge flag">flagged</span> ' if facts["flagged"] else "",
        warning=WARNING.format(p=facts["appearance_p"]) if facts["strange"] else "",
    )


def _pictures(path: Path) -> str:
    """Show an image, and what its detector drew of it: of all of it or of its middle, which is framed then."""
    drawn = {
        says: file
        for says, kind in {"reconstruction": ".reconstruction.png", "anomaly map": ".map.png"}.items()
        if (file := path.with_suffix(kind)).is_file()
    }
    with Image.open(path) as image:
        whole, shown = image.size, data_uri(ImageOps.contain(image, (SIDE, SIDE)), QUALITY)
    frame, figures = "", ""
    for says, file in drawn.items():
        with Image.open(file) as picture:
            shares = picture.width / whole[0], picture.height / whole[1]
            source = data_uri(ImageOps.contain(picture, (SIDE, SIDE)), QUALITY)
        if shares != (1, 1):
            beside, above = (f"{50 * (1 - share):.2f}%" for share in shares)
            frame = f'<span class="frame" style="inset: {above} {beside}"></span>'
        figures += _figure(source, says if shares == (1, 1) else f"{says} of the framed part")
    return _figure(shown, "prepared image", frame) + figures


def _figure(source: str, says: str, frame: str = "") -> str:
    return (
        f'<figure><span class="picture"><img src="{source}" alt="{says}">{frame}</span>'
        f"<figcaption>{says}</figcaption></figure>"
    )
