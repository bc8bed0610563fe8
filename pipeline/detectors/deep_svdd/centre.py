"""The point to which images are mapped."""

from collections.abc import Iterable

import torch
from torch import Tensor

NEAREST = 0.1  # to 0 that a coordinate may be: zero weights would map to 0, whatever they see


def centre_of(points: Iterable[Tensor]) -> Tensor:
    """Average points and push the coordinates of the mean away from 0.

    Args:
        points: What the network makes of the training images before it is trained on, in batches (n, D).

    Returns:
        float32 (D,), on the CPU.
    """
    total, count = torch.zeros((), dtype=torch.float64), 0
    for batch in points:
        total, count = total + batch.cpu().double().sum(0), count + len(batch)
    return pushed_from_zero((total / count).float())


def pushed_from_zero(mean: Tensor) -> Tensor:
    """Set coordinates that are nearer to 0 than :data:`NEAREST` to that, on their own side; 0 itself goes up."""
    return torch.where(mean.abs() < NEAREST, torch.where(mean < 0, -NEAREST, NEAREST), mean)
