"""How many normals are really flagged, which depends on which normals were held out."""

from dataclasses import dataclass

from scipy import special

from pipeline.evaluation.calibration import flagged_rank

COVERED = 0.95  # of the range in which the false-alarm rate is


@dataclass(frozen=True)
class FalseAlarms:
    """How many normals are really to be flagged at a level.

    Attributes:
        expected: The mean over what held-out normals might have been drawn.
        low: The end of the range that holds 95 % of such draws.
        high: The other end.
    """

    expected: float
    low: float
    high: float


def false_alarms(normals: int, alpha: float) -> FalseAlarms | None:
    """Return the rate at which normals are really to be flagged at a level; None where none ever is.

    Given n held-out normals, it is the share of all normals beyond the k-th highest of them, which over their draws has
    a Beta(k, n + 1 − k) distribution, k = ⌊α (n + 1)⌋ (Bates et al. 2023).

    Args:
        normals: n.
        alpha: The level.
    """
    rank = flagged_rank(normals, alpha)
    if not rank:
        return None
    low, high = special.betaincinv(rank, normals + 1 - rank, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return FalseAlarms(rank / (normals + 1), float(low), float(high))
