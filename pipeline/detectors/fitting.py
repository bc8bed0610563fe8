"""Fit a detector to a prepared arm, as every detector is fitted."""

from pathlib import Path

import numpy as np

from pipeline.data.images import Images
from pipeline.detectors.base import Detector, History
from pipeline.errors import PipelineError


def fit_arm(detector: Detector, images: Images, seed: int, scratch: Path) -> History:
    """Fit a detector to the normals of the training split.

    Args:
        detector: The detector to fit.
        images: The prepared arm, as :func:`pipeline.data.images.read_images` checked it.
        seed: The seed of this run.
        scratch: Where the detector keeps the state from which it goes on after an interruption.

    Returns:
        The history that the detector gives.

    Raises:
        PipelineError: If the training split holds no normal image.
    """
    return detector.fit(images.pixels, training_rows(images), images.rows("val", label=0), seed, scratch)


def training_rows(images: Images) -> np.ndarray:
    """Return the rows of the training normals.

    Raises:
        PipelineError: If there are none.
    """
    rows = images.rows("train", label=0)
    if not len(rows):
        raise PipelineError(
            "the arm has no normal training image: its counts.csv under reports/data says what was left out"
        )
    return rows
