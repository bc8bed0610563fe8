"""A figure with what is known of its error: over seeds, and over the patients or slides of the test split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from scipy import special

from pipeline.evaluation.bootstrap import LEAST_GROUPS, LEVEL, Interval, Resamples, Statistic
from pipeline.evaluation.metrics import measure
from pipeline.params.evaluate import Metric

DIGITS = 4
NOTHING = 1e-12  # a difference that is rounding noise


class Figures(NamedTuple):
    """One figure or several of an arm.

    Attributes:
        seeds: Of each seed on the test split, (seeds,) or (seeds, figures).
        samples: The same under each resample of the groups, (B, seeds) or (B, seeds, figures).
    """

    seeds: np.ndarray
    samples: np.ndarray

    def pick(self, number: int) -> Self:
        """Return one of several."""
        return self._replace(seeds=self.seeds[:, number], samples=self.samples[:, :, number])

    def turned(self) -> Self:
        """Return an area of the scores with their sign turned."""
        return self._replace(seeds=1 - self.seeds, samples=1 - self.samples)


def figures(statistic: Statistic, resamples: Resamples) -> Figures:
    """Compute a statistic, (B, N) to (B, seeds, ...), on the images as they are and under each resample."""
    return Figures(statistic(np.ones((1, resamples.images)))[0], resamples.values(statistic))


def metric_figures(labels: np.ndarray, scores: np.ndarray, metrics: Sequence[Metric], resamples: Resamples) -> Figures:
    """Compute metrics of scores (seeds, N), in the order of their names."""
    return figures(lambda weights: measure(labels, scores, metrics, weights), resamples)


def roc_auc_figures(labels: np.ndarray, scores: np.ndarray, resamples: Resamples) -> Figures:
    """Compute the ROC AUC of scores (seeds, N)."""
    return metric_figures(labels, scores, ["roc_auc"], resamples).pick(0)


@dataclass(frozen=True)
class Estimate:
    """A figure of an arm.

    Attributes:
        mean: Over seeds.
        std: Sample standard deviation over seeds; None for one seed.
        interval: 95 % of the mean, over groups; None where the groups cannot tell.
        seeds: The figure of each seed.
    """

    mean: float
    std: float | None
    interval: Interval | None
    seeds: tuple[float, ...]

    def content(self) -> dict[str, Any]:
        """For JSON, rounded."""
        low, high = self.interval or (None, None)
        numbers = {"mean": self.mean, "std": self.std, "low": low, "high": high}
        return {name: _rounded(value) for name, value in numbers.items()} | {
            "seeds": [round(value, DIGITS) for value in self.seeds]
        }


@dataclass(frozen=True)
class Difference:
    """By how much one figure is above another.

    Attributes:
        mean: The difference of the means over seeds.
        interval: 95 % of it, over groups and, where a side has several, seeds; None where these cannot tell.
    """

    mean: float
    interval: Interval | None

    @property
    def beyond_chance(self) -> bool | None:
        """Whether 0 lies outside the interval; None where there is no interval."""
        return None if self.interval is None else not self.interval[0] <= 0 <= self.interval[1]

    def content(self) -> dict[str, float | None]:
        """For JSON, rounded."""
        low, high = self.interval or (None, None)
        return {"mean": _rounded(self.mean), "low": _rounded(low), "high": _rounded(high)}


def estimate(figure: Figures, resamples: Resamples) -> Estimate:
    """Sum up one figure."""
    return Estimate(
        float(np.mean(figure.seeds)),
        float(np.std(figure.seeds, ddof=1)) if len(figure.seeds) > 1 else None,
        resamples.interval(figure.samples.mean(axis=1)),
        tuple(float(value) for value in figure.seeds),
    )


def difference(first: Figures, second: Figures, groups: int) -> Difference:
    """Compare two figures.

    Two things make a difference uncertain: which patients or slides are in the test split, and which draws each
    training made. Their variances add up, and the degrees of freedom follow Satterthwaite: one less than the groups,
    and one less than the seeds of either side. A side with one seed is given the variance of the other's seeds; with
    one on both sides nothing is known of that part, and the interval is of the groups alone. What lies outside [−1, 1]
    is cut off the interval.

    Args:
        first: One figure.
        second: Another; the numbers of seeds may differ. If both are of the same images, both have to be under the same
            resamples, which makes the comparison a paired one.
        groups: Number of groups of the rarer class, the smaller of both sides.

    Returns:
        The first minus the second.
    """
    mean = float(np.mean(first.seeds) - np.mean(second.seeds))
    several = [side.seeds for side in (first, second) if len(side.seeds) > 1]
    if groups < LEAST_GROUPS:
        return Difference(mean, None)
    if _same(first.seeds, second.seeds) and _same(first.samples, second.samples):
        return Difference(0.0, (0.0, 0.0))
    over_groups = float(np.var(first.samples.mean(axis=1) - second.samples.mean(axis=1))) * groups / (groups - 1)
    parts = [(over_groups, groups - 1)]
    if len(several) == 2:
        parts += [(float(np.var(seeds, ddof=1)) / len(seeds), len(seeds) - 1) for seeds in several]
    elif several:  # one estimate of the variance serves both sides, so that it has its degrees of freedom once
        (seeds,) = several
        parts.append((float(np.var(seeds, ddof=1)) * (1 + 1 / len(seeds)), len(seeds) - 1))
    variance = sum(part for part, _ in parts)
    if variance < NOTHING**2:
        return Difference(mean, None)
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    reach = float(special.stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt(variance))
    return Difference(mean, (max(mean - reach, -1.0), min(mean + reach, 1.0)))


def _same(first: np.ndarray, second: np.ndarray) -> bool:
    return first.shape == second.shape and np.allclose(first, second, rtol=0, atol=NOTHING)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
