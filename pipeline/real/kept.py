"""Figures from the scores that are kept under reports/real/: what is told apart, by exposure and without it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline import layout
from pipeline.detectors.registry import UNSIGNED
from pipeline.errors import PipelineError
from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import Difference, Estimate, Figures, difference, estimate, metric_figures
from pipeline.evaluation.results import check_classes
from pipeline.evaluation.scores import SCORE, ArmScores, read_arm_scores
from pipeline.params.evaluate import ComputeMetrics, Metric
from pipeline.real.alike import alike, alike_figures

REAL = layout.REPORTS / "real"  # no stage makes what is below
EXPOSURE = "mean_intensity"  # what knows how bright an image is, and nothing else
SHOWN: tuple[Metric, ...] = ("roc_auc", "average_precision", "fpr_at_95_tpr")


@dataclass(frozen=True)
class Kept:
    """The figures of a detector or baseline.

    Attributes:
        runs: Number of its seeds.
        metrics: Of :data:`SHOWN`.
        alike: ROC AUC among images that are equally bright; None where there are too few pairs of such.
        above_reference: By how much its ROC AUC is above the reference's.
        above_exposure: The same of the exposure's.
    """

    runs: int
    metrics: Mapping[Metric, Estimate]
    alike: Estimate | None
    above_reference: Difference
    above_exposure: Difference


@dataclass(frozen=True)
class KeptArm:
    """The figures of an arm.

    Attributes:
        test: The reference's scores of the test images.
        pairs: The share of pairs of an abnormal and a normal image that are equally bright.
        rows: Detector or baseline to its figures, the highest ROC AUC first.
    """

    test: ArmScores
    pairs: float
    rows: Mapping[str, Kept]


def kept_arms() -> list[str]:
    """The arms whose scores are kept."""
    return sorted({path.parts[-3] for path in REAL.glob("*/*/seed-*.csv")})


def kept_figures(arm: str, reference: str, settings: ComputeMetrics) -> KeptArm:
    """Compute the figures of every detector whose scores are kept, and of the reference's baselines.

    Args:
        arm: The arm.
        reference: The detector that the others are compared with.
        settings: Of the bootstrap.

    Raises:
        PipelineError: If scores are damaged, or of other test images than the reference's.
    """
    test, columns = _columns(arm, reference)
    check_classes(test.labels)
    labels, pairs = test.labels, alike(test.labels, test.scores[EXPOSURE].mean(axis=0))
    resamples = Resamples(labels, test.groups, settings.resamples, settings.seed)
    figures = {name: metric_figures(labels, values, SHOWN, resamples) for name, values in columns.items()}
    for name in UNSIGNED:
        if figures[name].pick(0).seeds.mean() < 1 / 2:
            columns[name] = -columns[name]
            figures[name] = metric_figures(labels, columns[name], SHOWN, resamples)
    areas = {name: several.pick(0) for name, several in figures.items()}
    rows = {
        name: Kept(
            len(values),
            {metric: estimate(figures[name].pick(k), resamples) for k, metric in enumerate(SHOWN)},
            estimate(area, resamples) if (area := alike_figures(labels, values, pairs, resamples)) else None,
            _above(areas[name], areas[reference], resamples),
            _above(areas[name], areas[EXPOSURE], resamples),
        )
        for name, values in columns.items()
    }
    ranked = sorted(rows, key=lambda name: -rows[name].metrics["roc_auc"].mean)
    return KeptArm(test, float(pairs.mean()), {name: rows[name] for name in ranked})


def _columns(arm: str, reference: str) -> tuple[ArmScores, dict[str, np.ndarray]]:
    """The reference's test images, and detector or baseline to its scores of them, (seeds, N)."""
    test = _read(arm, reference)
    columns = {reference: test.scores[SCORE]}
    for name in sorted({path.parent.name for path in REAL.glob(f"{arm}/*/seed-*.csv")} - {reference}):
        other = _read(arm, name)
        if not other.images.equals(test.images):
            raise PipelineError(
                f"{REAL / arm}: the scores of {name} and {reference} are not of the same test images: keep "
                "those of one run of the arm"
            )
        columns[name] = other.scores[SCORE]
    return test, columns | {name: test.scores[name] for name in test.baselines}


def _read(arm: str, detector: str) -> ArmScores:
    """The test images' scores of all kept runs."""
    files = (REAL / arm / detector).glob("seed-*.csv")
    seeds = sorted(int(path.stem.removeprefix("seed-")) for path in files)
    if not seeds:
        raise PipelineError(f"{REAL / arm} has no scores of {detector}, which all others are compared with")
    return read_arm_scores(arm, detector, seeds, folder=REAL).test()


def _above(first: Figures, second: Figures, resamples: Resamples) -> Difference:
    return difference(first, second, resamples.groups)
