"""Intervals by a bootstrap over groups: the images of a patient or slide are alike, so groups are drawn, not images."""

from collections.abc import Callable

import numpy as np
from scipy import special

from pipeline.compute.seeding import generator

LEVEL = 0.95
LEAST_GROUPS = 5  # of each class; an interval from fewer would mean nothing
CHUNK = 1 << 18  # weights worked on at once, so that they stay in the processor's cache
AT_ONCE = 1 << 22  # counts drawn at once, which numpy gives in eight bytes each

Interval = tuple[float, float]
Statistic = Callable[[np.ndarray], np.ndarray]  # weights (B, N) to values (B, ...)


class Resamples:
    """Many resamples of the groups, the same for every score of the same images.

    Groups with an abnormal image and those without are drawn apart, so that every resample holds both classes. Where
    all groups have one, those that have normal images too are drawn apart from the others.

    Args:
        labels: (N,), 0 normal, 1 abnormal.
        groups: (N,), the slide or patient of each image.
        count: Number of resamples.
        seed: Of the draws, which do not depend on the order of images.
        name: Makes the draws independent of those of another name.

    Attributes:
        images: N.
        groups: Number of groups of the rarer class.
    """

    def __init__(self, labels: np.ndarray, groups: np.ndarray, count: int, seed: int, name: str = "") -> None:
        self.images = len(labels)
        names, self._group_of = np.unique(groups.astype(str), return_inverse=True)
        has_abnormal, has_normal = (np.bincount(self._group_of[labels == k], minlength=len(names)) > 0 for k in (1, 0))
        self.groups = int(min(has_abnormal.sum(), has_normal.sum()))
        draws = generator(seed, "bootstrap", name)
        drawn = count if self.groups >= LEAST_GROUPS else 1  # there is no interval to draw for
        # One byte each: that one of 256 groups or more is drawn more than 255 times has a chance below 10^-500.
        self._counts = np.zeros((drawn, len(names)), np.uint8)
        apart = has_normal if has_abnormal.all() else has_abnormal
        for members in (apart, ~apart):
            if size := int(members.sum()):
                step = max(1, AT_ONCE // size)
                for start in range(0, drawn, step):
                    rows = self._counts[start : start + step]
                    rows[:, members] = draws.multinomial(size, np.full(size, 1 / size), size=len(rows))

    def values(self, statistic: Statistic) -> np.ndarray:
        """Compute a statistic under every resample: (count, ...); under one where there are too few groups."""
        step = max(1, CHUNK // self.images)
        parts = [self._counts[start : start + step] for start in range(0, len(self._counts), step)]
        return np.concatenate([statistic(part[:, self._group_of].astype(np.int32)) for part in parts])

    def interval(self, values: np.ndarray) -> Interval | None:
        """The 95 % interval of a statistic from its values under the resamples.

        None for too few groups, and where all resamples agree, as under perfect separation: that they do says nothing
        about other patients or slides.

        The percentile interval is too narrow for few groups; its percentiles are moved outwards as those of a t
        interval are (Hesterberg, What Teachers Should Know About the Bootstrap, 2015: expanded percentile interval).
        """
        if self.groups < LEAST_GROUPS or not np.ptp(values):
            return None
        t = special.stdtrit(self.groups - 1, (1 + LEVEL) / 2) * np.sqrt(self.groups / (self.groups - 1))
        low, high = np.quantile(values, special.ndtr([-t, t]))
        return float(low), float(high)
