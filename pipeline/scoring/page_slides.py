"""Slides that a page shows, each under its heat map and with the places that score highest."""

import base64
import io
import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from PIL import Image, ImageOps

from pipeline.evaluation.calibration import Calibration
from pipeline.files import read_json
from pipeline.reporting.html import data_uri
from pipeline.scoring.heat_levels import LEVELS, Levels, level_colours
from pipeline.scoring.page_text import html, percent
from pipeline.scoring.slide_files import HEAT_MAP
from pipeline.scoring.slide_overview import FACTS, OVERVIEW
from pipeline.scoring.slide_picture import Colours
from pipeline.scoring.slide_score import QUANTILE

MOST = 18_000_000  # letters of all cards, most of which are pictures
SIDE = 640  # pixels of an overview's longer side
HEAT_SIDE = 256  # of a heat map's, at most
QUALITY = 75  # of WebP
BARS = [steps * 10.0**power for power in range(6) for steps in (1, 2, 5)]  # µm

# Levels become colours, and those below the threshold vanish. Both without a script, which moves the threshold only.
COLOURS = """<svg class="filters" aria-hidden="true"><filter id="heat" color-interpolation-filters="sRGB">
<feComponentTransfer>{tables}</feComponentTransfer></filter></svg>
"""
CARD = """<article class="card slide" id="image-{row}">
<h3><bdi dir="ltr">{name}</bdi></h3>
<div class="parts">
<div style="max-width: {width}px">
<div class="overview"><img src="{overview}" alt="the slide">{heat}{frames}</div>
{bar}</div>
<div>{controls}
<ul class="numbers">{facts}</ul>{warnings}
<p>its files: <bdi dir="ltr">{folder}</bdi></p></div>
</div>
<div class="places">
{places}</div>
</article>
"""
HEAT = (
    '<svg class="filters" aria-hidden="true"><filter id="shown-{row}" x="0" y="0" width="1" height="1" '
    'color-interpolation-filters="sRGB"><feColorMatrix values="0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 0 0 0"/>'
    '<feComponentTransfer result="mask"><feFuncA type="linear" slope="255" intercept="0"/></feComponentTransfer>'
    '<feComposite in="SourceGraphic" in2="mask" operator="in"/></filter></svg>'
    '<img class="heat" src="{source}" alt="scores of its views" '
    'style="width: {width:.3f}%; height: {height:.3f}%; filter: url(#shown-{row}) url(#heat)">'
)
CONTROLS = """<div class="controls" hidden data-levels="{levels}">
<label>opacity <input type="range" min="0" max="100" value="50" autocomplete="off"> <output>50 %</output></label>
<label>threshold <input type="range" min="1" max="{last}" value="1" autocomplete="off">
<output>all {views:,} views</output></label>
</div>
"""
PLACE = """<figure><img src="{source}" alt="place {number}">
{bar}<figcaption><b>{number}</b> score {score:g}, column {x:,}, row {y:,}, {size:,} px</figcaption></figure>
"""

SCRIPT = """
for (const controls of document.querySelectorAll(".slide .controls")) {
  const card = controls.closest(".slide");
  const levels = JSON.parse(controls.dataset.levels);
  const [opacity, threshold] = controls.querySelectorAll("input");
  const [share, says] = controls.querySelectorAll("output");
  opacity.addEventListener("input", () => {
    card.querySelector(".heat").style.opacity = opacity.value / 100;
    share.textContent = opacity.value + " %";
  });
  threshold.addEventListener("input", () => {
    const level = Number(threshold.value);
    card.querySelector("feFuncA").setAttribute("intercept", 1 - level);
    const views = levels.views[level - 1].toLocaleString("en");
    says.textContent = level === 1 ? `all ${views} views`
      : `${views} views that score at least ${levels.score[level - 1]} (percentile ${levels.percentile[level - 1]})`;
  });
  controls.hidden = false;
}
"""


def slide_cards(table: pd.DataFrame, out: Path, colours: Colours | None, known: Calibration) -> list[str]:
    """Return a card per slide, the highest scores first, as many as a page has room for.

    Args:
        table: Of slides that have a score, indexed by row of the page's table.
        out: The folder of the results, which holds what is shown of them.
        colours: The scale of all slides; None where heat maps have none, and are not shown.
        known: Held-out normals' scores.
    """
    made: list[str] = []
    ordered = table.assign(row=table.index).sort_values(["score", "name"], ascending=[False, True])
    for facts in ordered.to_dict("records"):
        card = _card(facts, out, colours, known)
        if made and sum(map(len, made)) + len(card) > MOST:
            break
        made.append(card)
    return made


def colour_filter() -> str:
    """Return what the heat maps of all cards are coloured by."""
    tables = (
        f'<feFunc{channel} type="table" tableValues="{" ".join(f"{value / 255:.3g}" for value in values)}"/>'
        for channel, values in zip("RGB", level_colours().T, strict=True)
    )
    return COLOURS.format(tables="".join(tables))


def _card(facts: dict[Hashable, Any], out: Path, colours: Colours | None, known: Calibration) -> str:
    folder = out / str(facts["folder"])
    where = read_json(folder / FACTS, "score it again into another folder")
    with Image.open(folder / OVERVIEW) as overview:
        size = overview.width * where["overview_pixel"], overview.height * where["overview_pixel"]
        small = ImageOps.contain(overview, (SIDE, SIDE))
    heat, controls = "", ""
    if colours:
        scores = tifffile.imread(folder / HEAT_MAP)
        levels = Levels(colours, float(np.nanmax(scores)))
        heat = _heat(levels.of(scores), facts["row"], where["view_pixel"], size)
        controls = _controls(levels, scores, known)
    microns, warnings = where["microns_per_pixel"], facts["warnings"]
    return CARD.format(
        row=facts["row"],
        name=html(facts["name"]),
        overview=data_uri(small, QUALITY),
        width=small.width,
        heat=heat,
        frames="".join(_frame(number, place, size) for number, place in enumerate(where["highest"], 1)),
        bar=_bar(size[0] * microns),
        controls=controls,
        places="".join(_place(number, place, folder, microns) for number, place in enumerate(where["highest"], 1)),
        facts=_facts(facts),
        warnings=f'\n<p class="warning">{html(warnings)}</p>' if warnings else "",
        folder=html(f"{facts['folder']}/"),
    )


def _heat(levels: np.ndarray, row: int, pitch: float, size: tuple[float, float]) -> str:
    """Lay a picture of levels over the overview; where it is large, each pixel is the highest of some views."""
    pooled = -(-max(levels.shape) // HEAT_SIDE)
    high, wide = (-(-count // pooled) for count in levels.shape)
    padded = np.zeros((high * pooled, wide * pooled), np.uint8)
    padded[: levels.shape[0], : levels.shape[1]] = levels
    buffer = io.BytesIO()
    Image.fromarray(padded.reshape(high, pooled, wide, pooled).max(axis=(1, 3))).save(buffer, "PNG", optimize=True)
    return HEAT.format(
        row=row,
        source=f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}",
        width=100 * wide * pooled * pitch / size[0],
        height=100 * high * pooled * pitch / size[1],
    )


def _controls(levels: Levels, scores: np.ndarray, known: Calibration) -> str:
    found = np.sort(levels.of(scores[np.isfinite(scores)]))
    views = len(found) - np.searchsorted(found, np.arange(1, LEVELS + 1))
    content = {
        "score": [float(f"{score:.4g}") for score in levels.least],
        "percentile": [float(f"{percentile:.3g}") for percentile in known.percentiles(levels.least)],
        "views": views.tolist(),
    }
    # No level above that of the highest score: there would be nothing to see.
    written = html(json.dumps(content, separators=(",", ":"), allow_nan=False))
    return CONTROLS.format(levels=written, last=found[-1], views=len(found))


def _frame(number: int, place: dict[str, Any], size: tuple[float, float]) -> str:
    left, top = (100 * place[corner] / side for corner, side in zip("xy", size, strict=True))
    wide, high = (100 * place["size"] / side for side in size)
    inside = f"left: {left:.3f}%; top: {top:.3f}%; width: {wide:.3f}%; height: {high:.3f}%"
    return f'<span class="place" style="{inside}">{number}</span>'


def _bar(width: float) -> str:
    """Return a bar of a round length, up to a third of a picture whose width in µm is given."""
    length = max((bar for bar in BARS if bar <= width / 3), default=BARS[0])
    says = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    return f'<div class="bar"><span style="width: {100 * length / width:.3f}%"></span> {says}</div>\n'


def _place(number: int, place: dict[str, Any], folder: Path, microns: float) -> str:
    with Image.open(folder / place["picture"]) as picture:
        source = data_uri(picture, QUALITY)
    numbers = {name: place[name] for name in ("score", "x", "y", "size")}
    return PLACE.format(number=number, source=source, bar=_bar(place["size"] * microns), **numbers)


def _facts(facts: dict[Hashable, Any]) -> str:
    """Say what the results have of a slide; what they do not have, as a p, is left out."""
    says = {
        "score {:g}": facts["score"],
        "percentile {:.4g}": facts["percentile"],
        "p {:.4g}": facts["p"],
        "q {:.4g}": facts["q"],
        "highest view {:g}": facts["highest_view"],
        f"{QUANTILE} quantile of views {{:g}}": facts["upper_quantile"],
        "{:,.0f} views": facts["views"],
    }
    shares = {"of views flagged": facts["flagged_share"], "of tissue scored": facts["tissue_scored"]}
    texts = [text.format(value) for text, value in says.items() if pd.notna(value)]
    texts += [f"{percent(value)} {text}" for text, value in shares.items() if pd.notna(value)]
    texts += ['<span class="badge flag">flagged</span>'] if facts["flagged"] else []
    return "".join(f"<li>{text}</li>" for text in texts)
