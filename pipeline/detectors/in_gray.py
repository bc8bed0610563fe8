"""A detector that sees in gray what the arm has in colour."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from pipeline.detectors.base import Detector, History, Scorer

# Of red, green and blue in luminance (ITU-R 601), in parts of 2¹⁶ as Pillow has them.
WEIGHTS = np.array([19_595, 38_470, 7_471], np.uint32)


def gray(pixels: np.ndarray) -> np.ndarray:
    """Turn colours uint8 (..., 3) into gray uint8 (..., 1), as Pillow's ``convert("L")``; gray stays as it is."""
    if pixels.shape[-1] == 1:
        return pixels
    luminance: np.ndarray = ((pixels @ WEIGHTS + 2**15) >> 16).astype(np.uint8)
    return luminance.reshape(*luminance.shape, 1)  # not by None, whose stride of 0 lets torch compute in another layout


class GrayImages:
    """The images of an arm, of which those that are asked for become gray: a file of them is never read as a whole.

    Args:
        images: uint8 (N, H, W, 1 or 3), memory-mapped or not.
    """

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.shape, self.ndim = images, (*images.shape[:3], 1), images.ndim

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Any) -> np.ndarray:
        return gray(np.asarray(self.images[rows]))


@dataclass(frozen=True)
class InGray:
    """What :class:`Detector` asks for, of one that is shown gray images.

    Attributes:
        detector: Made for images of one channel.
    """

    detector: Detector

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """See :meth:`Detector.fit`."""
        return self.detector.fit(cast(np.ndarray, GrayImages(images)), train, held_out, seed, scratch)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`."""
        return self.detector.score(gray(images))

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray | None:
        """See :meth:`Detector.anomaly_maps`."""
        return self.detector.anomaly_maps(gray(images))

    def references(self, seed: int) -> dict[str, Scorer]:
        """See :meth:`Detector.references`; they see gray, too."""
        return {name: _of_gray(scorer) for name, scorer in self.detector.references(seed).items()}

    def save(self, path: Path) -> None:
        """Write the detector, whose settings say that it sees gray."""
        self.detector.save(path)


def _of_gray(scorer: Scorer) -> Callable[[np.ndarray], np.ndarray]:
    return lambda images: scorer(gray(images))
