"""All figures of an arm's detectors from their scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.detectors.registry import UNSIGNED
from pipeline.errors import PipelineError
from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import (
    DIGITS,
    Figures,
    difference,
    estimate,
    figures,
    metric_figures,
    roc_auc_figures,
)
from pipeline.evaluation.metrics import METRICS, measure
from pipeline.evaluation.operating_point import (
    flagged_images,
    held_out_scores,
    sensitivity_specificity,
    thresholds,
)
from pipeline.evaluation.scores import SCORE, ArmScores
from pipeline.evaluation.slide_level import slide_scores
from pipeline.params.evaluate import ComputeMetrics


def arm_results(scores: ArmScores, seeds: Sequence[int], settings: ComputeMetrics, whole: str | None) -> dict[str, Any]:
    """Compute the metrics of an arm's detector, with intervals.

    Args:
        scores: The scores of all its runs.
        seeds: The seeds of these runs.
        settings: Of the bootstrap, and where to cut.
        whole: What images are parts of, see :class:`pipeline.data.kinds.KindSettings`; slides get scores of their own.

    Returns:
        JSON: ``seeds``, ``test`` (counts), ``metrics``, ``baselines`` (their ROC AUC, and by how much the detector's is
        above), ``operating_point``, ``slides`` and ``validation`` (what settings may be chosen by), these three None
        where there is nothing to compute them from.

    Raises:
        PipelineError: If the test split lacks a class.
    """
    test = scores.test()
    check_classes(test.labels)
    resamples = Resamples(test.labels, test.groups, settings.resamples, settings.seed)
    figures_of_all = metric_figures(test.labels, test.scores[SCORE], list(METRICS), resamples)
    return {
        "seeds": list(seeds),
        "test": {
            "images": len(test.labels),
            "abnormal": int(test.labels.sum()),
            "abnormal_share": round(float(test.labels.mean()), DIGITS),
            "groups": len(np.unique(test.groups)),
            "rarer_groups": resamples.groups,
            "grouped": bool((test.groups != test.ids).any()),
        },
        "metrics": {name: estimate(figures_of_all.pick(k), resamples).content() for k, name in enumerate(METRICS)},
        "baselines": {
            name: _baseline(test, name, figures_of_all.pick(list(METRICS).index("roc_auc")), resamples)
            for name in test.baselines
        },
        "operating_point": _operating_point(scores, test, resamples, settings.held_out_quantile),
        "slides": _slide_level(test, settings) if whole else None,
        "validation": _validation(scores.part((scores.images["split"] == "val").to_numpy())),
    }


def above_reference(
    scores: Mapping[str, ArmScores], reference: str, settings: ComputeMetrics
) -> dict[str, dict[str, Any] | None]:
    """Compare the ROC AUC of every detector with that of one of them, on the same test images.

    Args:
        scores: Detector to the scores of all its runs.
        reference: The detector that the others are compared with.
        settings: Of the bootstrap.

    Returns:
        Detector to JSON: by how much its ROC AUC is above, with the interval of the difference; None for the reference.

    Raises:
        PipelineError: If the detectors were tested on different images.
    """
    tests = {name: single.test() for name, single in scores.items()}
    test = tests[reference]
    for name, other in tests.items():
        if not other.images.equals(test.images):
            raise PipelineError(
                f"the scores of {name} and {reference} are not of the same test images: run `dvc repro`, which scores "
                "the same images with every detector"
            )
    resamples = Resamples(test.labels, test.groups, settings.resamples, settings.seed)
    areas = {name: roc_auc_figures(test.labels, single.scores[SCORE], resamples) for name, single in tests.items()}
    return {
        name: None if name == reference else difference(area, areas[reference], resamples.groups).content()
        for name, area in areas.items()
    }


def check_classes(labels: np.ndarray) -> None:
    """Check that there is something to tell apart.

    Raises:
        PipelineError: If one class is absent.
    """
    for label, name in ((0, "normal"), (1, "abnormal")):
        if not (labels == label).any():
            raise PipelineError(
                f"the test split holds no {name} image, so there is nothing to tell apart: its counts.csv under "
                "reports/data says what was left out"
            )


def _baseline(test: ArmScores, name: str, detector: Figures, resamples: Resamples) -> dict[str, Any]:
    area = roc_auc_figures(test.labels, test.scores[name], resamples)
    if name in UNSIGNED and area.seeds.mean() < 1 / 2:
        area = area.turned()
    above = difference(detector, area, resamples.groups)
    return {"roc_auc": estimate(area, resamples).content(), "detector_above": above.content()}


def _operating_point(
    scores: ArmScores, test: ArmScores, resamples: Resamples, quantile: float
) -> dict[str, Any] | None:
    limits, flags = thresholds(scores, quantile), flagged_images(scores, quantile)
    if limits is None or flags is None:
        return None
    both = figures(lambda weights: sensitivity_specificity(test.labels, flags, weights), resamples)
    held_out = held_out_scores(scores)
    return {
        "held_out_quantile": quantile,
        "held_out": held_out.shape[1],
        "held_out_flagged": round(float((held_out > limits[:, None]).mean()), DIGITS),
        "thresholds": [float(f"{limit:.6g}") for limit in limits],
        "sensitivity": estimate(both.pick(0), resamples).content(),
        "specificity": estimate(both.pick(1), resamples).content(),
    }


def _validation(held_out: ArmScores) -> dict[str, Any] | None:
    normal, scores = held_out.labels == 0, held_out.scores[SCORE]
    if not normal.any():
        return None
    summed = {"loss": round(float(scores[:, normal].mean()), DIGITS), "roc_auc": None}
    if not normal.all():
        areas = measure(held_out.labels, scores, ["roc_auc"], np.ones((1, len(normal))))
        summed["roc_auc"] = round(float(areas.mean()), DIGITS)
    return summed


def _slide_level(test: ArmScores, settings: ComputeMetrics) -> dict[str, Any] | None:
    slides, summed = slide_scores(test, settings.slide_quantile)
    labels = slides["label"].to_numpy()
    if labels.min() == labels.max():
        return None
    resamples = Resamples(labels, slides["group"].to_numpy(), settings.resamples, settings.seed)
    areas = {
        f"{name}_roc_auc": estimate(roc_auc_figures(labels, values, resamples), resamples).content()
        for name, values in summed.items()
    }
    return {"slides": len(labels), "abnormal": int(labels.sum()), **areas}
