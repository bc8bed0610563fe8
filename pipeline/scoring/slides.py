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
from pipeline.evaluation.scores import DIGITS
from pipeline.files import md5, remove, write_picture
from pipeline.scoring.images import COLUMNS, picture_name
from pipeline.scoring.inputs import Input
from pipeline.scoring.model import Model
from pipeline.scoring.qupath import write_regions
from pipeline.scoring.results import PARTS
from pipeline.scoring.slide_files import HEAT_MAP, write_heat_map, write_views
from pipeline.scoring.slide_overview import write_overview
from pipeline.scoring.slide_picture import colours_of, overlay
from pipeline.scoring.slide_score import QUANTILE, RULE, slide_score
from pipeline.scoring.slide_tiles import Opening, is_slide, series_of
from pipeline.scoring.whole_slide import Scored, UnscoredError, scored_or_kept

SLIDES = "slides"
STRANGE = 0.5  # share of tiles that look unlike any held-out normal's, above which a warning is given
OWN_COLUMNS = ["highest_view", "upper_quantile", "flagged_share", "views", "tissue_scored", "warnings", "folder"]
NO_P = (
    "a slide has no p and is not flagged: the model's normals are tiles, one of each held-out slide, and the score of "
    "a slide is the highest of many; only its views have a place among them"
)


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
        name if alike[name.casefold()] == 1 else f"{name}-{picture_name(one.name)[:8]}"
        for name, one in zip(names, inputs, strict=True)
    ]


def facts_of_slides(model: Model, alpha: float) -> dict[str, Any]:
    """Say how slides were scored."""
    colours = colours_of(model.calibration, alpha)
    return {
        "rule": RULE,
        "upper_quantile": QUANTILE,
        "p": NO_P,
        "views_can_be_flagged": _can_flag(model, alpha),
        "colours": colours and vars(colours),
    }


def _row(
    model: Model, one: Input, opening: Opening, alpha: float, out: Path, folder: str, workers: int
) -> dict[str, Any]:
    """Score a slide and write its folder; whatever is wrong with it is its row's reason."""
    row: dict[str, Any] = {"name": one.name, "path": one.path.as_posix(), "md5": "", "flagged": False}
    row |= dict.fromkeys(["reason", "warnings", "folder"], "")
    try:
        row["md5"] = md5(one.path)
    except OSError as error:
        return row | {"status": "failed", "reason": f"{one.name} cannot be read ({error.strerror})"}
    try:
        scored = scored_or_kept(model, one, opening, row["md5"], out / PARTS, workers)
    except UnscoredError as error:
        return row | {"status": "failed", "reason": str(error).replace(str(one.path), one.name)}
    _write(model, scored, alpha, out / folder, row["md5"])
    return row | {"status": "ok", "folder": folder} | _figures(scored, model, alpha)


def _write(model: Model, scored: Scored, alpha: float, folder: Path, checksum: str) -> None:
    grid, views, facts = scored.grid, scored.views, scored.facts
    write_views(folder / "views.csv", grid, views, model.calibration, alpha)
    write_heat_map(folder / HEAT_MAP, grid, views, facts.microns_per_pixel)
    write_overview(folder, scored)
    origin = f"{model.checksum} {checksum}"
    write_regions(folder / "regions.geojson", grid, views, facts.corner, model.calibration, alpha, origin)
    if colours := colours_of(model.calibration, alpha):
        write_picture(folder / "overlay.png", overlay(facts.thumbnail, facts.thumbnail_pixel, grid, views, colours))


def _figures(scored: Scored, model: Model, alpha: float) -> dict[str, Any]:
    scores = scored.scores
    flagged = model.calibration.flagged(scores, alpha)
    doubts = {
        f"{scored.unstained} tiles with too little stain were left out": scored.unstained > 0,
        f"{scored.strange:.0%} of the tiles look unlike any held-out normal's": scored.strange > STRANGE,
        "scale given by --microns-per-pixel": not scored.facts.stated,
    }
    return {
        "score": _rounded(slide_score(scored.grid)),
        "highest_view": _rounded(scores.max()),
        "upper_quantile": _rounded(float(np.quantile(scores, QUANTILE))),
        "flagged_share": round(float(flagged.mean()), DIGITS) if _can_flag(model, alpha) else np.nan,
        "views": len(scores),
        "tissue_scored": round(scored.tissue, DIGITS),
        "warnings": "; ".join(text for text, holds in doubts.items() if holds),
    }


def _can_flag(model: Model, alpha: float) -> bool:
    return fewest_normals(alpha) <= len(model.calibration.normals)


def _rounded(score: float) -> float:
    return float(f"{score:.{DIGITS}g}")
