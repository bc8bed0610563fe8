"""Whole slides among what is scored: a row and a folder for each."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.slides.preparation import Preparation
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import fewest_normals
from pipeline.evaluation.scores import DIGITS, rounded
from pipeline.files import md5, remove, write_picture
from pipeline.scoring.images import COLUMNS, picture_name
from pipeline.scoring.inputs import Input
from pipeline.scoring.model import Model
from pipeline.scoring.qupath import write_regions
from pipeline.scoring.results import PARTS, worth_of
from pipeline.scoring.slide_files import HEAT_MAP, write_heat_map, write_views
from pipeline.scoring.slide_overview import write_overview
from pipeline.scoring.slide_picture import colours_of, overlay
from pipeline.scoring.slide_score import QUANTILE, RULE, slide_score
from pipeline.scoring.slide_tiles import Opening, is_slide, series_of
from pipeline.scoring.whole_slide import Facts, Scored, UnscoredError, scored_or_kept

SLIDES = "slides"
LONGEST_NAME = 255  # bytes of a file's
FEWEST = 5  # normals, by whose looks a slide can be told from them
STRANGE = 0.5  # share of tiles that look unlike any held-out normal's, above which a warning is given
MICRONS_OF_ONE = 10.0  # µm/px of an objective of 1x: 40x scans at 0.25
MOST_APART = 3.0  # times; adapters and other cameras make up to 2.2 (20x at 0.23), a wrong unit or level 4 and more
OWN_COLUMNS = ["highest_view", "upper_quantile", "flagged_share", "views", "tissue_scored", "warnings", "folder"]
NO_P = (
    "a slide has no p and is not flagged: the model's normals are tiles, one of each held-out slide, and the score of "
    "a slide is the highest of many; only its views have a place among them"
)
NO_SLIDES = "a slide has no p and is not flagged, since the named normals are pictures of tiles: name whole slides"


def told_apart(inputs: Sequence[Input], model: Model) -> tuple[list[Input], list[Input]]:
    """Return the inputs that are whole slides, if the model is one of slides, and all others.

    Of the files of a slide in DICOM, each of which opens the whole of it, the first stands for all.
    """
    preparation = model.preparation
    if not isinstance(preparation, Preparation):
        return [], [*inputs]
    slides: dict[Any, Input] = {}
    pictures = []
    for one in inputs:
        if is_slide(one.path, preparation):
            slides.setdefault(series_of(one.path), one)
        else:
            pictures.append(one)
    return [*slides.values()], pictures


def score_slides(
    model: Model, inputs: Sequence[Input], alpha: float, microns_per_pixel: float | None, out: Path, workers: int
) -> pd.DataFrame:
    """Score whole slides, and write a folder for each.

    Args:
        model: One of slides.
        inputs: The slides.
        alpha: The level at which views are flagged.
        microns_per_pixel: Of slides that do not state theirs.
        out: The folder of the results; slides go to ``slides/<name>``, what an interrupted run has finished to
            ``.parts``.
        workers: Processes; they change no byte.

    Returns:
        The columns of :data:`pipeline.scoring.images.COLUMNS` but ``q``, and :data:`OWN_COLUMNS`, in the order of the
        inputs.
    """
    if not isinstance(model.preparation, Preparation):
        raise PipelineError(f"{model.path} is no model of slides")
    remove(out / SLIDES)  # those of an earlier run may be of files that are no longer as they were
    opening = Opening(model.preparation, microns_per_pixel)
    folders = [f"{SLIDES}/{name}" for name in folder_names(inputs)]
    rows = [_row(model, one, opening, alpha, out, folder, workers) for one, folder in zip(inputs, folders, strict=True)]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name != "q"] + OWN_COLUMNS)
    return table.astype({"views": "Int64", "flagged": bool})


def folder_names(inputs: Sequence[Input]) -> list[str]:
    """Return what the folders of slides are called: as their files, with some letters more where two are alike."""
    names = [Path(one.name).name for one in inputs]
    alike = Counter(name.casefold() for name in names)
    return [
        name if alike[name.casefold()] == 1 else f"{_cut(name)}-{picture_name(one.name)[:8]}"
        for name, one in zip(names, inputs, strict=True)
    ]


def _cut(name: str) -> str:
    """Leave room behind a name that is as long as file systems have them."""
    return name.encode()[: LONGEST_NAME - 9].decode(errors="ignore")


def p_of_slides(model: Model) -> str:
    """Say what the p of a slide is, or why there is none."""
    if model.slides is None:
        return NO_SLIDES if model.normals_checksum else NO_P
    known = len(model.slides.normals)
    return f"a slide's percentile, p, q and flag are its place among the scores of {known} named normal slides"


def facts_of_slides(model: Model, alpha: float) -> dict[str, Any]:
    """Say how slides were scored."""
    colours, known = colours_of(model.calibration, alpha, model.normals_are), model.slides
    return {
        "rule": RULE,
        "upper_quantile": QUANTILE,
        "p": p_of_slides(model),
        "views_can_be_flagged": _can_flag(model, alpha),
        "colours": colours and vars(colours),
        **({} if known is None else worth_of(known, alpha)),
    }


def _row(
    model: Model, one: Input, opening: Opening, alpha: float, out: Path, folder: str, workers: int
) -> dict[str, Any]:
    """Score a slide and write its folder; whatever is wrong with it is its row's reason."""
    row, scored = measured_slide(model, one, opening, out, workers)
    row |= {"flagged": False} | dict.fromkeys(["warnings", "folder"], "")
    if scored is None:
        return row
    _write(model, scored, alpha, out / folder, row["md5"])
    return row | {"folder": folder} | _placed(row["score"], model, alpha) | _figures(scored, model, alpha)


def measured_slide(
    model: Model, one: Input, opening: Opening, out: Path, workers: int
) -> tuple[dict[str, Any], Scored | None]:
    """Score a slide.

    Args:
        model: One of slides.
        one: The slide.
        opening: How it is opened.
        out: The folder of the results; what an interrupted run has finished is in ``.parts``.
        workers: Processes; they change no byte.

    Returns:
        Its ``name``, ``path``, ``md5``, ``status``, ``reason`` and ``score``, and what was scored; None, and no score,
        where there is a reason why it could not be.
    """
    row: dict[str, Any] = {"name": one.name, "path": one.path.as_posix(), "md5": "", "status": "failed", "reason": ""}
    try:
        row["md5"] = md5(one.path)
        scored = scored_or_kept(model, one, opening, row["md5"], out / PARTS, workers)
    except OSError as error:
        return row | {"reason": f"{one.name} cannot be read ({error.strerror})"}, None
    except UnscoredError as error:
        return row | {"reason": str(error).replace(str(one.path), one.name)}, None
    return row | {"status": "ok", "score": _rounded(slide_score(scored.grid))}, scored


def _placed(score: float, model: Model, alpha: float) -> dict[str, Any]:
    """Say where a slide's score lies among those of normal slides, where there are such."""
    if (known := model.slides) is None:
        return {}
    scores = np.array([score])
    return {
        "percentile": float(known.percentiles(scores)[0]),
        "p": float(known.p_values(scores)[0]),
        "flagged": bool(known.flagged(scores, alpha)[0]),
    }


def _write(model: Model, scored: Scored, alpha: float, folder: Path, checksum: str) -> None:
    grid, views, facts = scored.grid, scored.views, scored.facts
    write_views(folder / "views.csv", grid, views, model.calibration, alpha)
    write_heat_map(folder / HEAT_MAP, grid, views, facts.microns_per_pixel)
    write_overview(folder, scored)
    origin = f"{model.checksum} {checksum}"
    write_regions(folder / "regions.geojson", grid, views, facts.corner, model.calibration, alpha, origin)
    if colours := colours_of(model.calibration, alpha, model.normals_are):
        write_picture(folder / "overlay.png", overlay(facts.thumbnail, facts.thumbnail_pixel, grid, views, colours))


def _figures(scored: Scored, model: Model, alpha: float) -> dict[str, Any]:
    scores = scored.scores
    flagged = model.calibration.flagged(scores, alpha)
    strange = _strange_share(scored.looks, model)
    doubts = {
        f"{scored.unstained} tiles with too little stain were left out": scored.unstained > 0,
        f"{strange:.0%} of the tiles look unlike any {model.normals_are} normal's": strange > STRANGE,
        "scale given by --microns-per-pixel": not scored.facts.stated,
        _scale_doubt(scored.facts): bool(_scale_doubt(scored.facts)),
    }
    return {
        "highest_view": _rounded(scores.max()),
        "upper_quantile": _rounded(float(np.quantile(scores, QUANTILE))),
        "flagged_share": round(float(flagged.mean()), DIGITS) if _can_flag(model, alpha) else np.nan,
        "views": len(scores),
        "tissue_scored": round(scored.tissue, DIGITS),
        "warnings": "; ".join(text for text, holds in doubts.items() if holds),
    }


def _scale_doubt(facts: Facts) -> str:
    """Say that a slide's µm/px do not fit its objective, where they are that far apart that no optics explain it."""
    if facts.objective is None:
        return ""
    apart = facts.microns_per_pixel / (MICRONS_OF_ONE / facts.objective)
    if 1 / MOST_APART <= apart <= MOST_APART:
        return ""
    return f"{facts.microns_per_pixel:.3g} µm/px do not fit its objective of {facts.objective:g}x: is its scale right?"


def _strange_share(looks: np.ndarray, model: Model) -> float:
    """Share of the tiles that look unlike any known normal's.

    Of n normals, one looks strangest: a tile of their kind looks stranger than it once in n + 1, and half of the tiles
    of a usual slide do in one of 2ⁿ cases, which with fewer than five normals is more often than one of twenty.
    """
    known = model.appearance.distances
    if len(known.normals) < FEWEST:
        return 0.0
    return float((known.p_values(looks) <= 1 / (len(known.normals) + 1)).mean())


def _can_flag(model: Model, alpha: float) -> bool:
    return fewest_normals(alpha) <= len(model.calibration.normals)


def _rounded(score: float) -> float:
    return float(rounded(np.array([score]))[0])
