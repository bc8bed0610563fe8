"""Small images for detectors on frozen features, and networks that fail."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.compute.device import Workplace
from pipeline.detectors import registry

SIDE = 32
# Of a network whose weights come without a download: maps of 16, 8 and 4 positions along an axis.
LITE0 = {"backbone": "efficientnet_lite0", "layers": ["expand1", "expand2", "expand4"], "input_size": None}


def normal(count: int, seed: int = 0) -> np.ndarray:
    """Smooth ramps of different brightness with noise, uint8 (count, 32, 32, 1)."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(60, 180, SIDE)[None, None, :] + rng.uniform(-30, 30, (count, 1, 1))
    return (ramp + rng.normal(0, 5, (count, SIDE, SIDE))).clip(0, 255).astype(np.uint8)[..., None]


def abnormal(count: int, seed: int = 1) -> np.ndarray:
    """The same with a checkerboard of 12 px in the upper left corner."""
    images = normal(count, seed)
    images[:, :12, :12, 0] = (np.indices((12, 12)).sum(0) % 2) * 255
    return images


def built(name: str, **changes: Any) -> Any:
    """A detector that is not fitted yet, on all layers of :data:`LITE0`."""
    settings = registry.settings_of(name, LITE0 | changes)
    return registry.build(name, settings, 1, Workplace(), {"made": "in a test"})


def fitted(name: str, images: np.ndarray, seed: int = 0, **changes: Any) -> Any:
    """A detector that learnt from all of the images."""
    detector = built(name, **changes)
    detector.fit(images, np.arange(len(images)), np.arange(0), seed)
    return detector


class Altered(nn.Module):
    """A network whose answers to white images, or to all, are replaced."""

    def __init__(
        self, network: Callable[[Tensor, Sequence[str]], list[Tensor]], value: float, all_images: bool
    ) -> None:
        super().__init__()
        self.network, self.value, self.all_images = network, value, all_images

    def forward(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        replaced = ((images == 1).all((1, 2, 3)) | torch.tensor(self.all_images)).view(-1, 1, 1, 1)
        return [answer.masked_fill(replaced, self.value) for answer in self.network(images, layers)]
