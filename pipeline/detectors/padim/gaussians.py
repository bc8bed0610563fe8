"""One normal distribution for each position of a map, from one pass over the images (Defard et al. 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor

AT_ONCE = 64  # positions whose covariances are worked on together


@dataclass(frozen=True)
class Gaussians:
    """The distributions at P positions of D channels.

    Attributes:
        mean: float32 (P, D).
        whitening: The inverse of the covariance's Cholesky factor, float32 (P, D, D), lower triangles. Its rounding
            shrinks or stretches a distance, while that of an inverse covariance could make it negative.
    """

    mean: Tensor
    whitening: Tensor

    def distances(self, features: Tensor) -> Tensor:
        """Mahalanobis distances float32 (n, h, w) of features float32 (n, D, h, w), h·w = P."""
        centred = _by_position(features) - self.mean.unsqueeze(2)
        distances: Tensor = torch.linalg.vector_norm(self.whitening @ centred, dim=1)
        return distances.T.reshape(len(features), *features.shape[2:])

    def traces(self) -> Tensor:
        """tr(Σ⁻¹) of each position, float64 (P,)."""
        return torch.cat([block.double().square().sum((1, 2)) for block in torch.split(self.whitening, AT_ONCE)])


class Scatter:
    """Sums from which the distributions are made; they need D²·P numbers, however many images there are.

    Args:
        positions: P.
        channels: D.
        device: Where to add.
    """

    def __init__(self, positions: int, channels: int, device: torch.device) -> None:
        # float64, since the means are taken from the products at the end; Apple's GPUs have none.
        self.device = torch.device("cpu") if device.type == "mps" else device
        self.count = 0
        self.sums = torch.zeros(positions, channels, dtype=torch.float64, device=self.device)
        self.products = torch.zeros(positions, channels, channels, dtype=torch.float64, device=self.device)

    def add(self, features: Tensor) -> None:
        """Add features float32 (n, D, h, w)."""
        values = _by_position(features.to(self.device)).double()
        self.count += len(features)
        self.sums += values.sum(2)
        self.products.baddbmm_(values, values.transpose(1, 2))

    def gaussians(self, epsilon: float) -> Gaussians:
        """The distributions of at least two images, with epsilon added to their variances.

        Raises:
            ValueError: If epsilon is lost in rounding.
        """
        mean = self.sums / self.count
        whitening = torch.empty_like(self.products, dtype=torch.float32)
        identity = torch.eye(mean.shape[1], dtype=torch.float64, device=self.device)
        for start in range(0, len(mean), AT_ONCE):
            block = slice(start, start + AT_ONCE)
            squares = mean[block].unsqueeze(2) * mean[block].unsqueeze(1)
            covariance = (self.products[block] - self.count * squares) / (self.count - 1) + epsilon * identity
            factor, failed = torch.linalg.cholesky_ex(covariance)
            if failed.any():
                raise ValueError("a covariance cannot be inverted")
            whitening[block] = torch.linalg.solve_triangular(factor, identity, upper=False)
        return Gaussians(mean.float(), whitening)


def _by_position(features: Tensor) -> Tensor:
    """Change (n, D, h, w) to (h·w, D, n)."""
    return features.flatten(2).permute(2, 1, 0)
