"""Ledoit and Wolf's covariance, block by block, so that no second copy of the features is made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg

BLOCK = 1024  # rows

Measured = Callable[[np.ndarray], np.ndarray]  # features (n, D) to what distances are taken of


@dataclass(frozen=True)
class Spread:
    """Where features lie, and how far around.

    Attributes:
        mean: float64 (D,).
        precision: The inverse of their covariance, float64 (D, D).
    """

    mean: np.ndarray
    precision: np.ndarray

    def distances(self, features: np.ndarray, measured: Measured) -> np.ndarray:
        """Squared Mahalanobis distances of float32 (n, D): float64 (n,)."""
        parts = [
            np.einsum("nd,nd->n", (rows - self.mean) @ self.precision, rows - self.mean)
            for rows in _blocks(features, measured)
        ]
        return np.concatenate(parts) if parts else np.empty(0)


def ledoit_wolf(features: np.ndarray, measured: Measured) -> Spread:
    """Fit mean and covariance, shrunk towards a multiple of the identity as far as the sample is small.

    With S the sample's covariance and μ = tr(S) / D, the covariance is (1 − ρ) S + ρ μ I, where ρ is the estimated
    error of S over its distance from μ I, at most 1 (Ledoit & Wolf 2004, A well-conditioned estimator for
    large-dimensional covariance matrices, section 3.3).

    Args:
        features: float32 (N, D).
        measured: What is done with rows of them first.
    """
    count, size = features.shape
    mean = sum(rows.sum(0) for rows in _blocks(features, measured)) / count
    covariance, fourth = np.zeros((size, size)), 0.0
    for rows in _blocks(features, measured):
        centred = rows - mean
        covariance += centred.T @ centred / count
        fourth += ((centred**2).sum(1) ** 2).sum() / count
    target = np.trace(covariance) / size * np.eye(size)
    error = (fourth - (covariance**2).sum()) / count
    distance = ((covariance - target) ** 2).sum()
    shrinkage = min(max(error, 0.0), distance) / distance if distance else 0.0
    shrunk = (1 - shrinkage) * covariance + shrinkage * target
    return Spread(np.asarray(mean), linalg.pinvh(shrunk))


def _blocks(features: np.ndarray, measured: Measured) -> Iterator[np.ndarray]:
    for start in range(0, len(features), BLOCK):
        yield measured(features[start : start + BLOCK]).astype(np.float64)
