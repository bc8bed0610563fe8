"""Early stopping in the last stable phase, by the loss of held-out normal images."""

import math
from typing import Any

from torch import Tensor, nn

from pipeline.detectors.dpa.settings import EarlyStopping


class Best:
    """The best network so far, and for how many reports no better one came.

    Args:
        settings: When to stop; None never does, and then nothing is remembered.
    """

    def __init__(self, settings: EarlyStopping | None) -> None:
        self.settings = settings
        self.loss, self.age, self.iteration = math.inf, 0, 0
        self.weights: dict[str, Tensor] = {}

    def see(self, held_out_loss: float, network: nn.Module, iteration: int) -> None:
        """Compare the network at a report, after some iterations, with the best one."""
        if self.settings is None:
            return
        if held_out_loss < self.loss - self.settings.least_improvement:
            self.loss, self.age, self.iteration = held_out_loss, 0, iteration
            self.weights = {name: value.cpu().clone() for name, value in network.state_dict().items()}
        else:
            self.age += 1

    @property
    def is_over(self) -> bool:
        """Whether more than ``patience`` reports in a row brought nothing better."""
        return self.settings is not None and self.age > self.settings.patience

    def restore(self, network: nn.Module) -> None:
        """Give the network the best weights, if any were remembered."""
        if self.weights:
            network.load_state_dict(self.weights)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`load_state` needs."""
        return {"loss": self.loss, "age": self.age, "iteration": self.iteration, "weights": self.weights}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was called."""
        self.loss, self.age, self.iteration = state["loss"], state["age"], state["iteration"]
        self.weights = state["weights"]
