"""The free-response ROC curve: how many lesions are found against how many places are taken for lesions in vain.

As the organisers' program computes it, but for one point: that drops the lowest threshold of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.camelyon.candidates import Candidates
from pipeline.camelyon.lesions import Lesions

RATES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # false positives per slide at which sensitivities are read
# Thresholds per slide that are looked at to begin with: beyond the last rate, the many that follow change nothing.
ENOUGH = 16


@dataclass(frozen=True)
class Found:
    """What the candidates of a slide come to.

    Attributes:
        lesions: The highest score in each lesion that counts, float64 (n,); -inf where no candidate lies.
        false: The scores of candidates that lie in no lesion, float64 (m,).
        isolated: Number of regions of isolated tumour cells; candidates in them are neither hit nor false.
    """

    lesions: np.ndarray
    false: np.ndarray
    isolated: int


def found_of(candidates: Candidates, lesions: Lesions) -> Found:
    """Say which lesions of a slide the candidates hit."""
    labels = lesions.at(candidates.x, candidates.y)
    best = np.full(len(lesions.isolated) + 1, -np.inf)
    np.maximum.at(best, labels, candidates.scores)
    return Found(best[1:][~lesions.isolated], candidates.scores[labels == 0], int(lesions.isolated.sum()))


class Froc:
    """The curve of a set of slides, under any weighting of these.

    Args:
        found: Of each of N slides.
        counted: bool (N,), the slides whose false positives count, and by whose number they are divided.
    """

    def __init__(self, found: Sequence[Found], counted: np.ndarray) -> None:
        false = [one.false if counts else one.false[:0] for one, counts in zip(found, counted, strict=True)]
        lesions = [one.lesions[np.isfinite(one.lesions)] for one in found]
        parts = [*lesions, *false]
        scores = np.concatenate(parts)
        order = np.argsort(-scores, kind="stable")
        self._ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(order)])  # of each threshold
        self._slide = np.repeat(np.tile(np.arange(len(found)), 2), [len(part) for part in parts])[order]
        self._is_lesion = order < sum(map(len, lesions))
        self._lesions, self._counted = np.array([len(one.lesions) for one in found]), counted

    def curve(self, weights: np.ndarray, first: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Compute the curve.

        Args:
            weights: (N,), how often each slide counts.
            first: So many thresholds, the highest; None for all.

        Returns:
            False positives per slide and sensitivities at each threshold, from (0, 0), both rising: float64 (K + 1,)
            each; NaN where the slides hold no lesion, or none is there to divide by.
        """
        ends = self._ends[:first]
        events = slice(ends[-1] + 1 if len(ends) else 0)
        kept, is_lesion = weights[self._slide[events]], self._is_lesion[events]
        hit, false = (np.append(0.0, np.cumsum(np.where(counts, kept, 0))[ends]) for counts in (is_lesion, ~is_lesion))
        lesions, slides = weights @ self._lesions, weights @ self._counted
        return (false / slides if slides else false * np.nan), (hit / lesions if lesions else hit * np.nan)

    def sensitivities(self, weights: np.ndarray) -> np.ndarray:
        """Read the curve at :data:`RATES`: float64 (6,). Where it ends before a rate, what it ends at."""
        first = ENOUGH * len(weights)
        rates, sensitivities = self.curve(weights, first)
        while first < len(self._ends) and not rates[-1] > RATES[-1]:
            first *= 4
            rates, sensitivities = self.curve(weights, first)
        return np.asarray(np.interp(RATES, rates, sensitivities))

    def scores(self, weights: np.ndarray) -> np.ndarray:
        """Compute the challenge's score, the mean of these, under several weightings: (B, N) to (B,)."""
        return np.array([self.sensitivities(row).mean() for row in weights])
