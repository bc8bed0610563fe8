"""Fit a detector to a prepared arm, as every detector is fitted."""

import numpy as np
import pandas as pd

from pipeline.detectors.base import Detector
from pipeline.errors import PipelineError
from pipeline.images import Images


def fit_arm(detector: Detector, images: Images, seed: int) -> pd.DataFrame:
    """Fit a detector to the normals of the training split.

    Args:
        detector: The detector to fit.
        images: The prepared arm, as :func:`pipeline.images.read_images` checked it.
        seed: The seed of this run.

    Returns:
        The history that the detector gives.

    Raises:
        PipelineError: If the training split holds no normal image.
    """
    train, held_out = images.rows("train", label=0), images.rows("val", label=0)
    if not len(train):
        raise PipelineError(
            "the arm has no normal training image: its counts.csv under reports/data says what was left out"
        )
    return detector.fit(_take(images.pixels, train), _take(images.pixels, held_out), seed)


def _take(pixels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Copy rows of a memory-mapped array into memory."""
    return np.asarray(pixels[rows])
