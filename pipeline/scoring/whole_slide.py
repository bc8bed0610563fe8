"""Scoring one whole slide: all of its tissue, tile by tile, so that memory does not grow with the slide.

What does grow is one number per view and the mask: some megabytes for the largest slides.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from pipeline.compute.portions import portions
from pipeline.compute.scratch import is_whole, scratch_key
from pipeline.compute.workers import process_all
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.reasons import reason_of
from pipeline.evaluation.scores import rounded
from pipeline.files import atomic, remove
from pipeline.scoring.highest import SIDE as PLACE_SIDE
from pipeline.scoring.highest import Place, highest_places
from pipeline.scoring.inputs import Input
from pipeline.scoring.model import Model
from pipeline.scoring.slide_picture import SIDE
from pipeline.scoring.slide_tiles import Found, Opening, TilesJob, find_tiles
from pipeline.scoring.views import Views

ARRAYS = ("grid", "looks", "pictures")  # of what was scored
TILES = 32  # made and scored together
AHEAD = 2  # of these portions for each process wait in memory


class UnscoredError(Exception):
    """Why a slide cannot be scored; the text goes into its row of the results."""


@dataclass(frozen=True)
class Facts:
    """What outputs say of a slide's file.

    Attributes:
        microns_per_pixel: Of level 0.
        stated: Whether the file states that.
        objective: Its power as the file states it, 40 for 40x; None if it does not.
        corner: See :class:`pipeline.data.slides.reading.Slide`.
        thumbnail: uint8 RGB (h, w, 3), the slide.
        thumbnail_pixel: Level-0 pixels to one of its pixels.
    """

    microns_per_pixel: float
    stated: bool
    objective: float | None
    corner: tuple[int, int]
    thumbnail: np.ndarray
    thumbnail_pixel: float

    @classmethod
    def of(cls, slide: Slide) -> Self:
        """Read them; the thumbnail takes no more memory for a larger slide."""
        pixel = max(1.0, max(slide.size) / SIDE)
        thumbnail = slide.thumbnail(pixel * slide.microns_per_pixel)
        stated = slide.stated_microns_per_pixel is not None
        return cls(slide.microns_per_pixel, stated, slide.objective, slide.corner, thumbnail, pixel)


@dataclass(frozen=True)
class Scored:
    """What scoring a slide gave.

    Attributes:
        grid: float64 (rows, columns), the scores of views; NaN where nothing was scored.
        views: Where they lie.
        tissue: Share of the slide's tissue that was scored.
        unstained: Tiles that were left out for too little stain.
        looks: How unlike training normals each of the other tiles looks: float64 (tiles,), see
            :class:`pipeline.evaluation.appearance.Appearance`.
        facts: Of the slide's file.
        places: Those that score highest.
        pictures: uint8 RGB (n, h, w, 3), what is shown of these at the tiles' µm/px.
    """

    grid: np.ndarray
    views: Views
    tissue: float
    unstained: int
    looks: np.ndarray
    facts: Facts
    places: tuple[Place, ...]
    pictures: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """The scores of all views: float64 (n,)."""
        return np.asarray(self.grid[np.isfinite(self.grid)])


def scored_or_kept(model: Model, one: Input, opening: Opening, checksum: str, parts: Path, workers: int) -> Scored:
    """Score a slide, unless an interrupted run did; what that one scored of it is not scored again.

    Args:
        model: One of slides.
        one: The slide.
        opening: How it is opened.
        checksum: Of its file.
        parts: Where is kept what was finished.
        workers: Processes; they change no byte.

    Raises:
        UnscoredError: If it cannot be opened or read, holds nothing to score, or has scores that are not finite.
    """
    key = scratch_key(model.checksum, checksum, one.path.stem, opening.microns_per_pixel)
    part = parts / f"{key}.npz"
    if is_whole(part):
        with np.load(part, allow_pickle=False) as content:
            return _from_part(content)
    scored = _score(model, one, opening, parts / key, workers)
    with atomic(part) as unfinished:
        np.savez(unfinished, **_to_part(scored), failed=False)
    remove(parts / key)
    return scored


def _to_part(scored: Scored) -> dict[str, Any]:
    arrays = {name: getattr(scored, name) for name in ARRAYS} | {"thumbnail": scored.facts.thumbnail}
    plain = vars(scored) | {"views": vars(scored.views), "facts": vars(scored.facts) | {"thumbnail": None}}
    plain |= {"places": [vars(place) for place in scored.places]} | dict.fromkeys(ARRAYS)
    return arrays | {"plain": json.dumps(plain)}


def _from_part(content: Mapping[str, Any]) -> Scored:
    plain = json.loads(str(content["plain"]))
    facts = Facts(**plain["facts"] | {"thumbnail": content["thumbnail"]})
    places = tuple(Place(**place) for place in plain["places"])
    arrays = {name: content[name] for name in ARRAYS}
    return Scored(**plain | arrays | {"views": Views(**plain["views"]), "facts": facts, "places": places})


def _score(model: Model, one: Input, opening: Opening, parts: Path, workers: int) -> Scored:
    """Score all tiles of a slide, a portion at a time."""
    found, facts = _found(model, one, opening)
    tiles = [found.tiles[start : start + TILES] for start in range(0, len(found.tiles), TILES)]
    files = [parts / f"{number:06}.npz" for number in range(len(tiles))]
    _score_portions(model, one, TilesJob(one.path, opening, found.normalizer), found, tiles, files, workers)
    each = found.views.per_tile
    grid = np.full((found.shape[0] * each, found.shape[1] * each), np.nan)
    unstained, tissue, looks = 0, 0.0, []
    for portion, file in zip(tiles, files, strict=True):
        with np.load(file, allow_pickle=False) as content:
            kept, scores = portion[content["kept"]], content["scores"]
            looks.append(content["looks"])
        unstained += len(portion) - len(kept)
        tissue += float(kept["tissue"].sum())
        for row, column, of_tile in zip(kept["row"], kept["column"], scores, strict=True):
            grid[row * each : (row + 1) * each, column * each : (column + 1) * each] = of_tile
    if unstained == len(found.tiles):
        raise UnscoredError(f"{one.name} has too little stain in all of its {unstained} tiles of tissue")
    covered = tissue * found.views.covered / found.tissue
    places, pictures = _highest(one, opening, grid, found.views)
    return Scored(grid, found.views, covered, unstained, np.concatenate(looks), facts, places, pictures)


def _found(model: Model, one: Input, opening: Opening) -> tuple[Found, Facts]:
    try:
        with opening.slide(one.path) as slide:
            return find_tiles(slide, opening.preparation, one.path.stem, model.side), Facts.of(slide)
    except Exception as error:
        raise UnscoredError(reason_of(error)) from error


def _highest(one: Input, opening: Opening, grid: np.ndarray, views: Views) -> tuple[tuple[Place, ...], np.ndarray]:
    """Find the places that score highest, and read what is shown of them."""
    places = highest_places(grid, views, opening.preparation.tile_size)
    try:
        with opening.slide(one.path) as slide:
            return places, np.stack([slide.read(place.x, place.y, PLACE_SIDE) for place in places])
    except Exception as error:
        raise UnscoredError(reason_of(error)) from error


def _score_portions(
    model: Model,
    one: Input,
    job: TilesJob,
    found: Found,
    tiles: Sequence[pd.DataFrame],
    files: Sequence[Path],
    workers: int,
) -> None:
    """Write for each portion which tiles were ``kept``, their ``scores`` and ``looks``."""
    todo = [number for number, file in enumerate(files) if not is_whole(file)]
    if not todo:
        return
    todo_tiles = [tiles[number] for number in todo]
    made = process_all(job, todo_tiles, workers, one.name, ahead=AHEAD)
    with closing(made) as portions_made:  # the processes end where a slide cannot be read any further
        for number, (images, kept, reason) in zip(todo, portions_made, strict=True):
            if reason:
                raise UnscoredError(reason)
            content = _portion(model, found.views, images)
            if not np.isfinite(content["scores"]).all():
                raise UnscoredError(f"{one.name} has views whose scores are not finite: is it blank?")
            with atomic(files[number]) as unfinished:
                np.savez(unfinished, kept=kept, failed=False, **content)


def _portion(model: Model, views: Views, images: np.ndarray) -> Mapping[str, Any]:
    shape = (len(images), views.per_tile, views.per_tile)
    if not len(images):
        return {"scores": np.empty(shape), "looks": np.empty(0)}
    cut = views.cut(images)
    scores = np.concatenate([model.detector.score(cut[rows]) for rows in portions(cut, np.arange(len(cut)))])
    return {"scores": rounded(scores).reshape(shape), "looks": model.appearance.looks(images)}
