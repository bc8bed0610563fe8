"""How much the reconstruction loss counts beside an adversarial loss, from the sizes of their gradients."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

RECORDS = 200  # the last ones count
SMOOTHING = 0.05  # share of a new record in its average


class GradientRatio:
    """The weight w of the reconstruction loss at which its gradients are as large as the adversarial loss's.

    It is the median of ‖∇L_adv‖₂ / ‖∇L_rec‖₂ over weight tensors and records, with norms averaged over the records.

    Attributes:
        weight: w, which is 1 before the first record.
        norms: The last records, each float64 (2, tensors): adversarial, reconstruction.
    """

    def __init__(self) -> None:
        self.weight = 1.0
        self.norms: list[Tensor] = []

    def record(self, adversarial: Sequence[Tensor], reconstruction: Sequence[Tensor]) -> None:
        """Look at the gradients of both losses to the same weight tensors, and change w."""
        norms = torch.stack([torch.stack([g.norm() for g in both]) for both in (adversarial, reconstruction)])
        self.norms = [*self.norms, norms.cpu().double()][-RECORDS:]  # on the CPU: not every device has float64
        of_adversary, of_reconstruction = averaged(torch.stack(self.norms)).unbind(1)
        self.weight = float(np.median((of_adversary / of_reconstruction).numpy()))

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {"weight": self.weight, "norms": self.norms}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was called."""
        self.weight, self.norms = state["weight"], state["norms"]


def averaged(values: Tensor) -> Tensor:
    """Moving averages along the first axis, exponentially weighted, that start at the first value."""
    averages = [values[0]]
    for value in values[1:]:
        averages.append((1 - SMOOTHING) * averages[-1] + SMOOTHING * value)
    return torch.stack(averages)
