"""Whether an image looks like those that a model knows: brightness, contrast, sharpness and coarse layout."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.compute.portions import portions
from pipeline.data.images import Images
from pipeline.detectors.fitting import training_rows
from pipeline.evaluation.calibration import Calibration, calibration_of
from pipeline.features.covariance import Spread, ledoit_wolf

FIELDS = 4  # along each side, whose means say how an image is laid out
MOST = 20_000  # training images that are looked at; more change no digit that is read


@dataclass(frozen=True)
class Appearance:
    """How known images look, and how far from that held-out normals are.

    Attributes:
        spread: Of what :func:`described` says of training normals.
        distances: Of held-out normals.
    """

    spread: Spread
    distances: Calibration

    def p_values(self, images: np.ndarray) -> np.ndarray:
        """Return how many held-out normals look as strange, as conformal p-values float64 (n,)."""
        return self.distances.p_values(self.looks(images))

    def looks(self, images: np.ndarray) -> np.ndarray:
        """Return how unlike training normals images uint8 (n, H, W, C) look: float64 (n,)."""
        return self.spread.distances(described(images))


def described(images: np.ndarray) -> np.ndarray:
    """Describe images uint8 (n, H, W, C) by 4 C + 16 C numbers, float64 (n, 20 C).

    Of each channel: mean, standard deviation, and the mean steps between neighbours along rows and columns, relative to
    the standard deviation; then the means of 4×4 fields. An equalised image has one brightness and contrast, whatever
    it shows, so these alone would not tell.
    """
    return np.concatenate([_described_one(image) for image in images]) if len(images) else _nothing(images.shape[3])


def described_by(channels: int) -> int:
    """Return how many numbers describe an image of so many channels."""
    return (4 + FIELDS**2) * channels


def _described_one(image: np.ndarray) -> np.ndarray:
    """Describe one image, which fits into a processor's cache: float64 (1, 20 C)."""
    mean, std = (part.reshape(-1) for part in cv2.meanStdDev(image))
    steps = []
    for before, after in ((image[:-1], image[1:]), (image[:, :-1], image[:, 1:])):
        apart = cv2.absdiff(np.ascontiguousarray(before), np.ascontiguousarray(after))
        steps.append(cv2.mean(apart)[: image.shape[2]] / np.maximum(std, 1))
    fields = [
        cv2.mean(np.ascontiguousarray(part))[: image.shape[2]]
        for row in np.array_split(image, FIELDS, axis=0)
        for part in np.array_split(row, FIELDS, axis=1)
    ]
    return np.concatenate([mean, std, *steps, *fields])[None]


def _nothing(channels: int) -> np.ndarray:
    return np.empty((0, described_by(channels)))


def appearance_of(images: Images) -> Appearance:
    """Learn how an arm's normal images look; of very many for training, some that are evenly spaced are taken."""
    train, held_out = training_rows(images), images.rows("val", label=0)
    chosen = train[np.linspace(0, len(train) - 1, min(len(train), MOST)).round().astype(int)]
    spread = ledoit_wolf(_described_rows(images, chosen))
    distances = spread.distances(_described_rows(images, held_out))
    known = images.index.iloc[held_out]
    return Appearance(spread, calibration_of(distances, known["id"], known["group"]))


def _described_rows(images: Images, rows: np.ndarray) -> np.ndarray:
    parts = [described(np.asarray(images.pixels[portion])) for portion in portions(images.pixels, rows)]
    return np.concatenate(parts) if parts else _nothing(images.pixels.shape[3])
