"""Ledoit and Wolf's covariance, block by block, so that no second copy of the features is made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BLOCK = 1024  # rows

Measured = Callable[[np.ndarray], np.ndarray]  # features (n, D) to what distances are taken of


@dataclass(frozen=True)
class Spread:
    """Where features lie, and how far around.

    Computed by torch, since NumPy's products are split among as many threads as a machine has, and their last digits
    with them.

    Attributes:
        mean: float64 (D,).
        precision: The inverse of their covariance, float64 (D, D).
    """

    mean: Tensor
    precision: Tensor

    def distances(self, features: np.ndarray, measured: Measured = np.asarray) -> np.ndarray:
        """Squared Mahalanobis distances of (n, D): float64 (n,)."""
        centred = (rows - self.mean for rows in _blocks(features, measured))
        parts = [((rows @ self.precision) * rows).sum(1).numpy() for rows in centred]
        return np.concatenate(parts) if parts else np.empty(0)


def ledoit_wolf(features: np.ndarray, measured: Measured = np.asarray) -> Spread:
    """Fit mean and covariance, shrunk towards a multiple of the identity as far as the sample is small.

    With S the sample's covariance and μ = tr(S) / D, the covariance is (1 − ρ) S + ρ μ I, where ρ is the estimated
    error of S over its distance from μ I, at most 1 (Ledoit & Wolf 2004, A well-conditioned estimator for
    large-dimensional covariance matrices, section 3.3).

    Args:
        features: (N, D).
        measured: What is done with rows of them first.
    """
    count, size = features.shape
    mean = torch.zeros(size, dtype=torch.float64)
    for rows in _blocks(features, measured):
        mean += rows.sum(0) / count
    covariance, fourth = torch.zeros(size, size, dtype=torch.float64), 0.0
    for rows in _blocks(features, measured):
        centred = rows - mean
        covariance += centred.T @ centred / count
        fourth += float((centred.square().sum(1).square()).sum()) / count
    target = covariance.trace() / size * torch.eye(size, dtype=torch.float64)
    error = (fourth - float(covariance.square().sum())) / count
    distance = float((covariance - target).square().sum())
    shrinkage = min(max(error, 0.0), distance) / distance if distance else 0.0
    shrunk = (1 - shrinkage) * covariance + shrinkage * target
    return Spread(mean, torch.linalg.pinv(shrunk, hermitian=True))


def _blocks(features: np.ndarray, measured: Measured) -> Iterator[Tensor]:
    for start in range(0, len(features), BLOCK):
        yield torch.from_numpy(measured(features[start : start + BLOCK])).double()
