"""report.html of new images: one file that opens anywhere, without any request.

Failures come first, then what was done and what it means, how the scores are distributed, all inputs, slides with
their heat maps, and pictures.
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.detectors.registry import words_of
from pipeline.evaluation.calibration import fewest_normals
from pipeline.files import write_text
from pipeline.scoring.images import STRANGE
from pipeline.scoring.model import Model
from pipeline.scoring.page_cards import MOST, cards
from pipeline.scoring.page_histogram import histogram
from pipeline.scoring.page_slides import SCRIPT as SLIDES_SCRIPT
from pipeline.scoring.page_slides import colour_filter, slide_cards
from pipeline.scoring.page_style import STYLE
from pipeline.scoring.page_table import SCRIPT as TABLE_SCRIPT
from pipeline.scoring.page_table import inputs_table
from pipeline.scoring.page_text import html, percent
from pipeline.scoring.slide_picture import Colours

REPORT = "report.html"
SCRIPT = TABLE_SCRIPT + SLIDES_SCRIPT
REASONS = 20  # failures that are listed before the table, which has all

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Anomaly scores of new images</title>
<style>
{style}</style>
</head>
<body>
<h1>Anomaly scores of new images</h1>
{failures}<section><h2>What was done</h2>
<p>{done}</p>
{origin}{slides}<p class="warning">{warning}</p>
</section>
<section><h2>How the scores are distributed</h2>
{histogram}</section>
<section><h2>What the numbers mean</h2>
{meaning}</section>
<section><h2>All inputs</h2>
{table}</section>
{slide_cards}{cards}<script>{script}</script>
</body>
</html>
"""
PICTURES = """<section><h2>Pictures</h2>
{}</section>
"""
SLIDES = """<section><h2>Slides</h2>
<p>{says}</p>
{colours}<div class="slides">
{cards}</div>
</section>
"""
NOTHING = "<p>Nothing was scored that has a place among held-out normals.</p>\n"
HELD_OUT = "Held-out normals are images known to be normal that the model has not learnt from, one of each {unit}"
NAMED = "Named normals were named as normal beside the inputs, one of each group counts"
MEANING = """<dl>
<dt>score</dt><dd>How abnormal the model finds an image: the higher, the more. Scores of two models cannot be
compared.</dd>
<dt>percentile</dt><dd>How many of 100 {known} normals score less. {which}; the scores of {normals} are known.</dd>
<dt>p</dt><dd>How often a normal image scores as high: of 100 normal ones, about 5 have a p of 0.05 or less. It is not
the chance that the image is normal. With {normals} {known} normals, no p is below {least:.3g}.</dd>
<dt>q</dt><dd>Of many images some have a small p by chance. If all images down to this one were called abnormal, about
this share of them at most would be normal.</dd>
<dt>appearance p</dt><dd>As p, of how an image looks (brightness, contrast, sharpness, layout), whatever the detector
finds. {strange}</dd>
</dl>
"""


def write_page(out: Path, table: pd.DataFrame, facts: dict[str, Any], model: Model) -> None:
    """Write the page.

    Args:
        out: The folder of the results, in which pictures are drawn.
        table: Of all inputs, see :func:`pipeline.scoring.results.with_q`.
        facts: Of :func:`pipeline.scoring.results.facts_of`.
        model: The model.
    """
    table = table.reset_index(drop=True)
    table["failed"] = table["status"] != "ok"
    table["strange"] = ~table["failed"] & (table["appearance_p"] <= STRANGE)
    table["flagged"] = ~table["failed"] & table["flagged"]
    if "warnings" in table:
        table["reason"] = table["reason"].where(table["failed"], table["warnings"].fillna(""))
    scored = table[~table["failed"]]
    is_slide = scored["folder"].fillna("") != "" if "folder" in scored else scored["failed"]
    slides, images = scored[is_slide], scored[~is_slide]
    placed, known, worth = images, model.calibration, facts  # slides have no place among normals that are tiles
    if model.slides and len(slides):  # but among those that are slides
        placed, known, worth = slides, model.slides, facts | facts["slides"]
    normals = known.normals
    page = PAGE.format(
        policy=_policy(),
        style=STYLE,
        failures=_failures(table[table["failed"]], len(table)),
        done=_done(worth, model) if len(placed) else f"{_start(facts, model)}.",
        origin=_origin(facts),
        slides=f"<p>Mind that {html(facts['slides']['p'])}.</p>\n" if "slides" in facts else "",
        warning=_warning(model, int(table["strange"].sum())),
        histogram=histogram(placed["score"].to_numpy(), normals, worth["threshold"], model.normals_are)
        if len(placed)
        else NOTHING,
        meaning=MEANING.format(
            known=model.normals_are,
            which=NAMED if model.normals_checksum else HELD_OUT.format(unit=html(model.preparation.unit)),
            normals=f"{len(normals):,}",
            least=1 / (len(normals) + 1),
            strange=_strange(model),
        ),
        table=inputs_table(table),
        slide_cards=_slide_cards(slides, out, facts, model) if len(slides) else "",
        cards=_cards(images, out / "pictures", model) if len(images) or not len(slides) else "",
        script=SCRIPT,
    )
    write_text(out / REPORT, page)


def _policy() -> str:
    """Nothing from elsewhere, and of scripts only ours, so that none can be smuggled in by a name."""
    checksum = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{checksum}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _failures(failed: pd.DataFrame, inputs: int) -> str:
    if failed.empty:
        return ""
    lines = [
        f'<li><bdi dir="ltr">{html(name)}</bdi>: {html(_without(name, reason))}</li>\n'
        for name, reason in zip(failed["name"][:REASONS], failed["reason"][:REASONS], strict=True)
    ]
    more = len(failed) - len(lines)
    rest = f"<p>And {more:,} more: show those that failed, under all inputs.</p>\n" if more else ""
    return (
        f'<section id="failures"><h2>{len(failed):,} of {inputs:,} inputs not scored</h2>\n'
        f"<ul>\n{''.join(lines)}</ul>\n{rest}</section>\n"
    )


def _without(name: str, reason: str) -> str:
    """A reason that begins with the file's own name, which stands before it already, without it."""
    return reason.removeprefix(f"{Path(name).name}: ")


def _origin(facts: dict[str, Any]) -> str:
    """Name the files of an average, and the normals that calibrate instead of the model's own."""
    files = ", ".join(f"{seed} (MD5 {checksum})" for seed, checksum in facts.get("averaged", {}).items())
    says = f"<p>Each score is the average of those of {html(files)}, each in standard deviations from the mean of its "
    says = f"{says}held-out normals.</p>\n" if files else ""
    if "normals_md5" in facts:
        says += f"<p>The named normals are listed in normals.csv (MD5 of all: {html(facts['normals_md5'])}).</p>\n"
    return says


def _start(facts: dict[str, Any], model: Model) -> str:
    return (
        f"{html(facts['model'])} ({html(words_of(model.name).name)}, for {html(model.preparation.image)}s) scored "
        f"{facts['scored']:,} of {facts['inputs']:,} inputs"
    )


def _done(facts: dict[str, Any], model: Model) -> str:
    alarms, normals, alpha = facts["false_alarms"], facts["normals"], facts["alpha"]
    start = _start(facts, model)
    if alarms is None:
        return (
            f"{start}; none can be flagged at a level of {percent(alpha)}, and there is no threshold, since that takes "
            f"{fewest_normals(alpha):,} {model.normals_are} normals and the model has {normals:,}."
        )
    return (
        f"{start} and flagged {facts['flagged']:,} at a level of {percent(alpha)}, those that score above "
        f"{facts['threshold']:.4g}; of normal images like {_own(model)}, {percent(alarms['expected'])} are to be "
        f"expected above it, as false alarms (95 % range {percent(alarms['low'])} to {percent(alarms['high'])}, since "
        f"{normals:,} {model.normals_are} normals tell no more)."
    )


def _warning(model: Model, strange: int) -> str:
    image = html(model.preparation.image)
    says = (
        f"Percentile, p, q and flags hold only for {image}s made like {_own(model)}: by the same scanner, at the "
        "same site, of the same kind of people. Of others they say nothing."
    )
    if strange:
        says += (
            f" {strange:,} of the new {image}s {'looks' if strange == 1 else 'look'} unlike them and "
            f"{'is' if strange == 1 else 'are'} marked as strange."
        )
    return says


def _strange(model: Model) -> str:
    known, needed = len(model.appearance.distances.normals), fewest_normals(STRANGE)
    if known < needed:
        normals = f"{needed} {model.normals_are} normals"
        return f"None can be marked as strange: that takes {normals}, and the model has {known}."
    return f"At {STRANGE:g} or less the image is marked as strange: it looks unlike {_own(model)}."


def _own(model: Model) -> str:
    return "the named normals" if model.normals_checksum else "the model's own"


def _cards(scored: pd.DataFrame, pictures: Path, model: Model) -> str:
    made = cards(scored, pictures)
    if not made:
        return PICTURES.format("<p>No pictures were drawn: <code>--maps all</code> draws all.</p>\n")
    says = "The image with the highest score" if len(made) == 1 else f"The {len(made)} images with the highest scores"
    says += f" of those that were drawn, {MOST} at most."
    if model.map_top is not None:
        says += f" Anomaly maps are dark at 0 and bright at {model.map_top:.3g}, on all pictures."
    return PICTURES.format(f'<p>{says}</p>\n<div class="cards">\n{"".join(made)}</div>\n')


def _slide_cards(slides: pd.DataFrame, out: Path, facts: dict[str, Any], model: Model) -> str:
    scale = facts["slides"]["colours"]
    made = slide_cards(slides, out, scale and Colours(**scale), model.calibration)
    says = "The slide" if len(made) == 1 else f"The {len(made):,} slides"
    says += " with the highest score" if len(made) == 1 else " with the highest scores"
    if more := len(slides) - len(made):
        says += f"; {more:,} more {'is' if more == 1 else 'are'} not shown, since the page would become too large"
    says += (
        f". A slide's score is {html(facts['slides']['rule'])}. Frames are where this mean is highest; below is what "
    )
    says += "they hold at the model's µm/px, with column and row of its upper left corner and its side in level-0 "
    says += "pixels. "
    if scale:
        says += f"Heat maps have the same colours on all slides: {html(scale['meaning'])}; a pixel is a view, or on "
        says += "large slides the highest of some views. The percentile at the threshold is that of a view among "
        says += f"{model.normals_are} normals."
    else:
        what = f"two different {model.normals_are} normals"
        says += f"There are no heat maps, since the model has no {what} to make a scale of."
    return SLIDES.format(says=says, colours=colour_filter() if scale else "", cards="".join(made))
