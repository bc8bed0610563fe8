"""How an arm's X-rays were made: enough to make a new one alike, without any other file."""

from typing import Literal

import numpy as np

from pipeline.data.picture_files import thumbnail
from pipeline.data.preparing import prepare_thumbnail
from pipeline.data.steps import ThumbnailSteps
from pipeline.data.xrays.chest import read_xray
from pipeline.data.xrays.settings import Settings
from pipeline.params.base import Settings as Section


class Preparation(Section):
    """What ``preparation.json`` of an arm of X-rays holds, and all that its images are made by.

    Attributes:
        kind: The name in :func:`pipeline.data.kinds.names`.
        unit: What is drawn when an interval is computed; each image is judged by itself.
        image: What one image is.
        generated: Whether the X-rays are drawn, not of patients.
        gray: How files become gray (:func:`pipeline.data.picture_files.read_picture`).
        view: Of which view all X-rays are; None for both. A new DICOM file of another one is refused.
        steps: From the gray image on.
    """

    kind: Literal["xrays"] = "xrays"
    unit: Literal["patient"] = "patient"
    image: Literal["X-ray"] = "X-ray"
    generated: bool
    gray: Literal["ITU-R 601, 16 bits scaled to 8, upright"] = "ITU-R 601, 16 bits scaled to 8, upright"
    view: Literal["PA", "AP"] | None
    steps: ThumbnailSteps

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: height, width, channels."""
        return (self.steps.working_size, self.steps.working_size, 1)

    def prepare(self, content: bytes, name: str) -> np.ndarray:
        """Make an image of a file that the arm has not seen.

        Args:
            content: Of a PNG, JPEG or DICOM file.
            name: Of the file; its ending says which of them it must be.

        Returns:
            uint8 (working_size, working_size, 1).

        Raises:
            PipelineError: If the file cannot be read.
        """
        gray, _ = read_xray(content, name, "L", self.view)
        return prepare_thumbnail(np.asarray(thumbnail(gray, self.steps.thumbnail_size)), self.steps)


def preparation_of(settings: Settings) -> Preparation:
    """Say how the images of an arm are made."""
    steps = ThumbnailSteps.part_of(settings.equalize_xrays)
    return Preparation(generated=settings.generated, view=settings.split_xrays.view, steps=steps)
