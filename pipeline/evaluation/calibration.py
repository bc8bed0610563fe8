"""What a score means: how many held-out normals score as high.

After Bates et al. 2023, Testing for outliers with conformal p-values.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from pipeline.compute.seeding import generator
from pipeline.errors import PipelineError


@dataclass(frozen=True)
class Calibration:
    """The scores of normals that a model has not learnt from.

    Attributes:
        drawn: float64 (n,), of each patient or other group one image, in an order that the images' names alone decide:
            models that know the same normals have them in one order.
    """

    drawn: np.ndarray

    @cached_property
    def normals(self) -> np.ndarray:
        """The same, rising."""
        return np.sort(self.drawn)

    def p_values(self, scores: np.ndarray) -> np.ndarray:
        """Return conformal p-values: p = (1 + #{normals with a score ≥ s}) / (n + 1).

        Were the image normal and drawn as these were, p would be at most t in a share t of such draws.

        Args:
            scores: float64 (m,).
        """
        as_high = len(self.normals) - np.searchsorted(self.normals, scores, side="left")
        return (1 + as_high) / (len(self.normals) + 1)

    def percentiles(self, scores: np.ndarray) -> np.ndarray:
        """Return the share of normals that score less, in percent."""
        return 100 * np.searchsorted(self.normals, scores, side="left") / max(len(self.normals), 1)

    def flagged(self, scores: np.ndarray, alpha: float) -> np.ndarray:
        """Return which images are flagged at a level: bool (m,)."""
        return self.p_values(scores) <= alpha

    def threshold(self, alpha: float) -> float | None:
        """Return the score above which images are flagged at a level; None where there are too few normals for it."""
        rank = flagged_rank(len(self.normals), alpha)
        return float(self.normals[-rank]) if rank else None


def flagged_rank(normals: int, alpha: float) -> int:
    """Return k = ⌊α (n + 1)⌋: images that score above the k-th highest of n normals are flagged; 0 where none is."""
    # A product that is a whole number may come out a rounding error below it.
    return min(int(alpha * (normals + 1) + 1e-9), normals)


def fewest_normals(alpha: float) -> int:
    """Return how many normals a level needs: below 19 there is no threshold of 5 %."""
    return math.ceil(1 / alpha - 1e-9) - 1


def drawn_rows(ids: pd.Series, groups: pd.Series) -> np.ndarray:
    """Draw of each group one image, since those of one patient are alike.

    Args:
        ids: Of the images.
        groups: Of the images.

    Returns:
        Their rows in the order of their lots, which names alone decide: int64 (number of groups,).
    """
    lots = [float(generator(0, "calibration", name).random()) for name in ids]
    table = pd.DataFrame({"lot": lots, "id": ids.to_numpy(), "group": groups.to_numpy()})
    return table.sort_values(["lot", "id"]).drop_duplicates("group").index.to_numpy()


def calibration_of(scores: np.ndarray, ids: pd.Series, groups: pd.Series) -> Calibration:
    """Keep the scores of what :func:`drawn_rows` draws.

    Args:
        scores: float64 (n,) of normals.
        ids: Of the images.
        groups: Of the images.

    Raises:
        PipelineError: If a score is not finite.
    """
    if not np.isfinite(scores).all():
        raise PipelineError(f"the score of {ids[~np.isfinite(scores)].iloc[0]} is not finite: train again")
    return Calibration(np.asarray(scores, np.float64)[drawn_rows(ids, groups)])


def q_values(p_values: np.ndarray) -> np.ndarray:
    """Return what share of images that are flagged down to this one may be normal (Benjamini & Hochberg 1995).

    Args:
        p_values: float64 (m,) of all images that were scored together.
    """
    if not len(p_values):
        return np.empty(0)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    q_values = np.empty(len(p_values))
    q_values[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(max=1)
    return q_values
