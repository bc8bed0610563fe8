"""What some images look like at the end of a phase, and what the network makes of them."""

import torch
from torch import Tensor, nn

from pipeline.detectors.dpa.growth import Phase
from pipeline.detectors.dpa.shown import Shown
from pipeline.features.views import to_pixels

SAMPLES = 8  # images


def pictures_of(phase: Phase, network: nn.Module, shown: Shown) -> dict[str, Tensor]:
    """Caption to images uint8 (n, H, W, C) on the CPU: some held-out ones, or else of training, and reconstructions."""
    rows = (shown.held_out if len(shown.held_out) else shown.train)[:SAMPLES]
    with torch.no_grad():
        x = next(shown.central(rows, phase.resolution))
        return {f"{phase}: shown": to_pixels(x), f"{phase}: reconstructed": to_pixels(network(x))}
