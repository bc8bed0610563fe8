"""From the scores of Camelyon16's test slides to the challenge's two measures, and its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.camelyon.candidates import RULE, Candidates, read_candidates
from pipeline.camelyon.challenge_files import write_lesions, write_slides
from pipeline.camelyon.froc import RATES, Found, Froc, found_of
from pipeline.camelyon.judged import Chosen, Judged
from pipeline.camelyon.lesions import NO_LESIONS, lesions_of
from pipeline.data.inventory import raw_file
from pipeline.data.slides.annotations import read_lesions
from pipeline.data.slides.settings import SampleTiles
from pipeline.errors import PipelineError
from pipeline.evaluation.bootstrap import Interval, Resamples
from pipeline.evaluation.estimates import DIGITS, estimate, roc_auc_figures
from pipeline.params.evaluate import ComputeMetrics

# Whose false positives count, and by whose number they are divided: by the organisers' program, and by their article.
ALL, NORMAL = "all_slides", "slides_without_metastases"


@dataclass(frozen=True)
class Judgement:
    """What came out.

    Attributes:
        figures: JSON: ``slides`` (counts), ``lesions`` (counts), ``roc_auc``, ``froc`` by :data:`ALL` and
            :data:`NORMAL`, ``missing`` and ``left_out``.
        curves: The same two to false positives per slide and sensitivities at each threshold.
    """

    figures: dict[str, Any]
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]]


def judge(
    chosen: Chosen, out: Path, root: Path, tiles: SampleTiles, metrics: ComputeMetrics, arm: str, folder: Path
) -> Judgement:
    """Judge slides, and write the challenge's files.

    Args:
        chosen: What is judged.
        out: The folder of the results.
        root: The collection's folder.
        tiles: Names the groups of annotations that are tumour.
        metrics: Of the bootstrap.
        arm: Names keys in errors.
        folder: Where the challenge's files go.

    Raises:
        PipelineError: If a slide's views or outlines are damaged, or no lesion counts.
    """
    with_outlines = [slide for slide in chosen.slides if not slide.left_out]
    # One slide at a time; what stays of each is a few numbers per candidate.
    found, candidates = [], {}
    for slide in with_outlines:
        candidates[slide.name] = read_candidates(out / slide.folder)
        found.append(_found(slide, candidates[slide.name], root, tiles, arm))
    if not any(len(one.lesions) for one in found):
        raise PipelineError(
            f"{out}: the judged slides hold no lesion beyond isolated tumour cells, so that there is none to find: "
            "score those with metastases as well"
        )
    write_slides(folder / "slides.csv", chosen.slides)
    write_lesions(folder / "lesions", candidates)
    frocs, figures = _froc(with_outlines, found, metrics)
    figures |= {
        "slides": _counts(chosen.slides),
        "roc_auc": _roc_auc(chosen.slides, metrics),
        "lesions": _lesion_counts(found),
        "missing": dict(chosen.missing),
        "left_out": dict(chosen.left_out) | {slide.name: slide.left_out for slide in chosen.slides if slide.left_out},
        "candidates": RULE,
    }
    once = np.ones(len(found))
    return Judgement(figures, {name: froc.curve(once) for name, froc in frocs.items()})


def _found(slide: Judged, candidates: Candidates, root: Path, tiles: SampleTiles, arm: str) -> Found:
    if not slide.annotation:
        return found_of(candidates, NO_LESIONS)
    path = raw_file(root, slide.annotation)
    return found_of(candidates, lesions_of(read_lesions(path, tiles, arm).area, path))


def _roc_auc(slides: Sequence[Judged], metrics: ComputeMetrics) -> dict[str, float | None]:
    resamples = _resamples(slides, metrics)
    labels, scores = (np.array([getattr(slide, name) for slide in slides]) for name in ("label", "score"))
    area = estimate(roc_auc_figures(labels, scores[None], resamples), resamples)
    return _figure(area.mean, area.interval)


def _froc(
    slides: Sequence[Judged], found: Sequence[Found], metrics: ComputeMetrics
) -> tuple[dict[str, Froc], dict[str, Any]]:
    resamples, figures = _resamples(slides, metrics), {}
    normal = np.array([slide.label == 0 for slide in slides])
    frocs = {ALL: Froc(found, np.ones(len(found), bool)), NORMAL: Froc(found, normal)}
    for name, froc in frocs.items():
        sensitivities = froc.sensitivities(np.ones(len(found)))
        samples = resamples.values(froc.scores)
        # a few resamples of few slides may hold no lesion
        score = _figure(float(sensitivities.mean()), resamples.interval(samples[np.isfinite(samples)]))
        read = {f"{rate:g}": round(float(value), DIGITS) for rate, value in zip(RATES, sensitivities, strict=True)}
        figures[name] = score | {"sensitivities": read}
    return frocs, {"froc": figures}


def _resamples(slides: Sequence[Judged], metrics: ComputeMetrics) -> Resamples:
    """Draw slides, since the collection does not say whose they are; those with metastases apart from the others."""
    labels, names = (np.array([getattr(slide, name) for slide in slides]) for name in ("label", "name"))
    return Resamples(labels, names, metrics.resamples, metrics.seed, "camelyon16")


def _figure(value: float, interval: Interval | None) -> dict[str, float | None]:
    low, high = (None, None) if interval is None else (round(end, DIGITS) for end in interval)
    return {"value": round(value, DIGITS), "low": low, "high": high}


def _counts(slides: Sequence[Judged]) -> dict[str, int]:
    outlined = [slide for slide in slides if not slide.left_out]
    return {
        "judged": len(slides),
        "with_metastases": sum(slide.label for slide in slides),
        "judged_by_lesions": len(outlined),
        "without_metastases": sum(slide.label == 0 for slide in slides),
    }


def _lesion_counts(found: Sequence[Found]) -> dict[str, int]:
    return {
        "counted": sum(len(one.lesions) for one in found),
        "hit": sum(int(np.isfinite(one.lesions).sum()) for one in found),
        "isolated_tumour_cells": sum(one.isolated for one in found),
    }
