"""Results of images that were never scored, and their page."""

import json
import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.compute.device import Workplace
from pipeline.data.steps import ThumbnailSteps
from pipeline.data.xrays.preparation import Preparation
from pipeline.evaluation.appearance import Appearance
from pipeline.evaluation.calibration import Calibration
from pipeline.features.covariance import Spread
from pipeline.files import write_picture
from pipeline.scoring.highest import SIDE, highest_places
from pipeline.scoring.images import picture_name
from pipeline.scoring.model import Model
from pipeline.scoring.page import REPORT, write_page
from pipeline.scoring.results import facts_of, with_q
from pipeline.scoring.slide_files import HEAT_MAP, write_heat_map
from pipeline.scoring.slide_overview import write_overview
from pipeline.scoring.slides import facts_of_slides
from pipeline.scoring.views import Views
from pipeline.scoring.whole_slide import Facts, Scored

STEPS = ThumbnailSteps(thumbnail_size=40, crop_size=32, working_size=32, equalization="histogram")
HOSTILE = [
    '<script>document.title = "caught"</script>.png',
    '</script><script>document.title = "caught"</script>',
    '"><img src="http://elsewhere.invalid/" onerror="document.title = 1">.png',
    "' onmouseover='document.title = 1' &lt;b&gt;.png",
    "<!--<script>.png",
    "{name} %s \\u003c.png",
    "two\nlines\r.png",
    "picture\u202egnp.exe",
    "שלום.png",
    "long" * 50 + ".png",
]


def model(normals: int = 199) -> Model:
    """A model whose held-out normals have scores from 1 to 2; its detector is not asked."""
    known = Calibration(np.linspace(1, 2, normals))
    looks = Appearance(Spread(np.zeros(20), np.eye(20)), known)
    detector: Any = None
    return Model(
        Path("/a/place/model.pt"), "0" * 32, "knn", "xrays", detector,
        Preparation(generated=True, view=None, steps=STEPS), known, looks, map_top=2.0, side=None,
    )  # fmt: skip


def results(known: Model, scores: dict[str, float | str], strange: Sequence[str] = ()) -> pd.DataFrame:
    """The table of inputs, each of which has a score or a reason why it has none."""
    numbers = np.array([np.nan if isinstance(score, str) else score for score in scores.values()])
    read = np.isfinite(numbers)
    table = pd.DataFrame({"name": [*scores], "path": "/a/place/images/x.png", "md5": "0" * 32})
    table["status"] = np.where(read, "ok", "failed")
    table["reason"] = [score if isinstance(score, str) else "" for score in scores.values()]
    table["score"] = numbers
    table["percentile"] = np.where(read, known.calibration.percentiles(numbers), np.nan)
    table["p"] = np.where(read, known.calibration.p_values(numbers), np.nan)
    table["flagged"] = read & known.calibration.flagged(numbers, 0.05)
    table["appearance_p"] = np.where(read, np.where(table["name"].isin(strange), 0.005, 0.4), np.nan)
    return with_q(table)


def slides(known: Model, scores: dict[str, float]) -> pd.DataFrame:
    """The table of whole slides, which have no place among held-out normals."""
    table = results(known, dict(scores))
    table[["percentile", "p", "q", "appearance_p"]] = np.nan
    table["flagged"] = False
    table["highest_view"] = table["upper_quantile"] = table["score"] + 1
    table["views"], table["tissue_scored"], table["flagged_share"], table["warnings"] = 90, 0.75, np.nan, ""
    table["folder"] = [f"slides/{number}" for number in range(len(table))]
    return table


def draw_slide(
    out: Path, folder: str, grid: np.ndarray, overview: np.ndarray | None = None, pictures: np.ndarray | None = None
) -> None:
    """Write what a page shows of a slide of 0.25 µm/px, whose views have a side of 256 px at level 0."""
    rows, columns = grid.shape
    views, tile = Views(768.0, 192, 64), 768
    pixel = max(1.0, 256 * max(grid.shape) / 1500)
    if overview is None:
        overview = np.full((int(rows * 256 / pixel), int(columns * 256 / pixel), 3), (200, 120, 180), np.uint8)
    places = highest_places(grid, views, tile)
    if pictures is None:
        pictures = np.full((len(places), SIDE, SIDE, 3), (150, 90, 160), np.uint8)
    facts = Facts(0.25, True, None, (0, 0), overview, pixel)
    write_heat_map(out / folder / HEAT_MAP, grid, views, 0.25)
    write_overview(out / folder, Scored(grid, views, 0.75, 0, np.empty(0), facts, places, pictures))


def written_slides(out: Path, known: Model, table: pd.DataFrame) -> str:
    facts = facts_of(known, Workplace(), table, 0.05) | {"slides": facts_of_slides(known, 0.05)}
    write_page(out, table, facts, known)
    return (out / REPORT).read_text(encoding="utf-8")


def written(out: Path, known: Model, table: pd.DataFrame) -> str:
    write_page(out, table, facts_of(known, Workplace(), table, 0.05), known)
    return (out / REPORT).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What a reader sees of it without the table, in one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page.partition("<body>")[2], flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", body)))


def data_of(page: str) -> dict[str, list[Any]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    content: dict[str, list[Any]] = json.loads(found[1])
    return content


def draw(out: Path, name: str, side: int = 32, map_side: int | None = 32) -> None:
    path = out / f"pictures/{picture_name(name)}.png"
    write_picture(path, np.full((side, side, 3), 90, np.uint8))
    if map_side:
        write_picture(path.with_suffix(".map.png"), np.full((map_side, map_side, 3), 200, np.uint8))
