"""All that an interrupted training goes on from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pipeline.detectors.dpa.autoencoder import Autoencoder, Encoder
from pipeline.detectors.dpa.early_stopping import Best
from pipeline.features.views import Batches


@dataclass
class TrainingState:
    """How far a training is.

    Attributes:
        network: The autoencoder.
        critic: The critic of the adversarial loss, or None.
        best: The best network so far.
        batches: Where batches are drawn.
        phase_number: The phase at work.
        drawn_at: The step of it at which the batches were last drawn.
        losses: Those of the steps since, scalars on the device.
        rows: Of the history.
        pictures: Caption to images uint8 (n, H, W, C).
        draws: The state of the draws before they were last drawn.
    """

    network: Autoencoder
    critic: Encoder | None
    best: Best
    batches: Batches
    phase_number: int = 0
    drawn_at: int = 0
    losses: list[Tensor] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, Tensor] = field(default_factory=dict)
    draws: dict[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Steps of the phase at work."""
        return self.drawn_at + len(self.losses)

    def content(self, optimisers: Sequence[torch.optim.Optimizer]) -> dict[str, Any]:
        """Return what :meth:`restore` needs, and the states of the phase's optimisers."""
        return {
            "phase_number": self.phase_number,
            "drawn_at": self.drawn_at,
            "draws": self.draws,
            "losses": torch.stack(self.losses).cpu(),
            "rows": self.rows,
            "pictures": self.pictures,
            "best": self.best.state(),
            "network": self.network.state_dict(),
            "critic": self.critic.state_dict() if self.critic else {},
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        }

    def restore(self, content: dict[str, Any], device: torch.device) -> None:
        """Go on where :meth:`content` was called."""
        self.phase_number, self.drawn_at = content["phase_number"], content["drawn_at"]
        self.batches.restore(content["draws"])
        self.losses = list(content["losses"].to(device).unbind())
        self.rows, self.pictures = content["rows"], content["pictures"]
        self.best.load_state(content["best"])
        self.network.load_state_dict(content["network"])
        if self.critic:
            self.critic.load_state_dict(content["critic"])
