"""What would be scored, and in what time, by a few images and tiles that are made and scored to measure it."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, cast

import numpy as np

from pipeline.data.slides.preparation import Preparation
from pipeline.data.slides.reasons import reason_of
from pipeline.data.stain import TooLittleStainError
from pipeline.errors import PipelineError
from pipeline.scoring.inputs import Input
from pipeline.scoring.model import Model
from pipeline.scoring.own_normals import Normals
from pipeline.scoring.prepare_job import content_of
from pipeline.scoring.slide_tiles import Found, Opening, TilesJob, find_tiles
from pipeline.scoring.slides import told_apart
from pipeline.scoring.summary import named

SHOWN = 20  # pictures that are listed; slides all are
MEASURED = 8  # images, or tiles of one slide


def plan_of(
    model: Model,
    slides: Sequence[Input],
    pictures: Sequence[Input],
    normals: Normals | None,
    microns_per_pixel: float | None,
    workers: int,
) -> Iterator[str]:
    """Yield lines for a terminal: the inputs, how many views slides have, and the time that all may take.

    Args:
        model: The model.
        slides: Inputs that are whole slides.
        pictures: The others.
        normals: What was named as normal, which is scored as well.
        microns_per_pixel: Of slides that do not state theirs.
        workers: Processes that will read files.
    """
    known = f"{len(normals.inputs)} named normals" if normals else f"{len(model.calibration.normals)} normals"
    yield f"{len(slides) + len(pictures)} inputs would be scored by {named(model, known)}"
    yield from (one.name for one in pictures[:SHOWN])
    if len(pictures) > SHOWN:
        yield f"and {len(pictures) - SHOWN} more"
    more_slides, more_pictures = told_apart(normals.inputs, model) if normals else ([], [])
    seconds: list[float] = []
    if all_pictures := [*pictures, *more_pictures]:
        each = _picture_seconds(model, all_pictures, workers)
        seconds += [] if each is None else [each * len(all_pictures)]
    if all_slides := [*slides, *more_slides]:
        opening = Opening(cast(Preparation, model.preparation), microns_per_pixel)
        seconds += yield from _slides(model, all_slides, opening, workers)
    if seconds:
        yield (
            f"that takes about {_duration(sum(seconds))}, judged by up to {MEASURED} images or tiles of each kind just "
            "now; a busier machine and larger files take longer"
        )


def _picture_seconds(model: Model, pictures: Sequence[Input], workers: int) -> float | None:
    """Measure how long one takes; None where none of the first can be read."""
    images: list[np.ndarray] = []
    sample = pictures[:MEASURED]

    def prepare() -> None:
        images.clear()
        for one in sample:
            with suppress(PipelineError, TooLittleStainError):  # which are told of when it is scored
                images.append(model.preparation.prepare(content_of(one), one.path.name))

    reading = _seconds(prepare) / len(sample)
    if not images:
        return None
    return reading / workers + _seconds(lambda: model.detector.score(np.stack(images))) / len(images)


def _slides(model: Model, slides: Sequence[Input], opening: Opening, workers: int) -> Generator[str, None, list[float]]:
    """Yield a line for each slide; return the seconds that all take, measured on the first that can be read."""
    tiles, each, finding = 0, None, 0.0
    for one in slides:
        began = perf_counter()
        try:
            with opening.slide(one.path) as slide:
                found = find_tiles(slide, opening.preparation, one.path.stem, model.side)
        except Exception as error:
            yield f"{one.name}: cannot be scored, {reason_of(error).replace(str(one.path), one.name)}"
            continue
        finding += perf_counter() - began
        tiles += len(found.tiles)
        yield f"{one.name}: {len(found.tiles) * found.views.per_tile**2:,} views in {len(found.tiles):,} tiles"
        if each is None:
            each = _tile_seconds(model, one, opening, found, workers)
    return [] if each is None else [finding + tiles * each]


def _tile_seconds(model: Model, one: Input, opening: Opening, found: Found, workers: int) -> float | None:
    chosen = found.tiles.iloc[np.unique(np.linspace(0, len(found.tiles) - 1, MEASURED).round().astype(int))]
    job = TilesJob(one.path, opening, found.normalizer)
    images, kept, _ = job(chosen)
    if not kept.any():
        return None
    reading = _seconds(lambda: job(chosen)) / len(chosen)
    return reading / workers + _seconds(lambda: model.detector.score(found.views.cut(images))) / len(images)


def _seconds(work: Callable[[], Any]) -> float:
    """Measure work, done before: the first time, libraries are read and networks find their fastest way."""
    work()
    began = perf_counter()
    work()
    return perf_counter() - began


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} minutes" if seconds < 90 * 60 else f"{seconds / 3600:.1f} hours"
