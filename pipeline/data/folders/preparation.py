"""How an arm's images were made: enough to make a new one alike, without any other file."""

from typing import Literal, Self

import numpy as np
from PIL import Image
from pydantic import model_validator

from pipeline.data.folders.settings import FolderSteps, Settings, Stains
from pipeline.data.picture_files import read_picture, thumbnail
from pipeline.data.preparing import cropped, prepare_thumbnail
from pipeline.data.stain import Normalizer, TargetStains, make_normalizer
from pipeline.params.base import Settings as Section


class Preparation(Section):
    """What ``preparation.json`` of an arm of folders holds, and all that its images are made by.

    Attributes:
        kind: The name in :func:`pipeline.data.kinds.names`.
        unit: What is drawn when an interval is computed.
        image: What one image is.
        generated: Whether the images are drawn.
        gray: How files become gray or stay in colour (:func:`pipeline.data.picture_files.read_picture`).
        steps: From there on.
        stain: How stains are separated; None where they stay as they are.
        target: The stains that images are given, matrix and strength; not the file that they were learnt from.
    """

    kind: Literal["folders"] = "folders"
    unit: str
    image: Literal["image"] = "image"
    generated: bool
    gray: Literal["ITU-R 601, 16 bits scaled to 8, upright"] = "ITU-R 601, 16 bits scaled to 8, upright"
    steps: FolderSteps
    stain: Stains | None
    target: TargetStains | None

    @model_validator(mode="after")
    def _stains_are_whole(self) -> Self:
        if self.stain and not self.steps.colour:
            raise ValueError("gray images have no stains")
        if (self.target is None) != (self.stain is None or self.stain.method == "none"):
            raise ValueError("stains are given without a target, or a target without stains")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: height, width, channels."""
        return (self.steps.working_size, self.steps.working_size, 3 if self.steps.colour else 1)

    @property
    def mode(self) -> str:
        """Of thumbnails: gray or in colour."""
        return "RGB" if self.steps.colour else "L"

    def normalizer(self) -> Normalizer | None:
        """Return what gives images the target's stains; None where they stay as they are."""
        return make_normalizer(self.target, self.stain) if self.stain else None

    def prepare(self, content: bytes, name: str) -> np.ndarray:
        """Make an image of a file that the arm has not seen.

        Args:
            content: Of a picture file.
            name: Of the file; its ending says what it must be.

        Returns:
            uint8 (working_size, working_size, 1 or 3).

        Raises:
            PipelineError: If the file cannot be read.
            TooLittleStainError: If it shows too little stain.
        """
        image, _ = read_picture(content, name, self.mode)
        small = np.asarray(thumbnail(image, self.steps.thumbnail_size))
        return self.prepare_thumbnail(small, name, self.normalizer())

    def prepare_thumbnail(self, pixels: np.ndarray, name: str, normalizer: Normalizer | None) -> np.ndarray:
        """Go from a thumbnail, uint8 (S, S) or (S, S, 3), to the prepared image.

        Args:
            pixels: The thumbnail.
            name: The image's stable name, from which the pixels are drawn that stains are learnt from.
            normalizer: What :meth:`normalizer` returns.

        Raises:
            TooLittleStainError: If it shows too little stain.
        """
        if normalizer is None:
            return prepare_thumbnail(pixels, self.steps)
        stained = normalizer.normalize(cropped(pixels, self.steps), name)
        return np.asarray(thumbnail(Image.fromarray(stained), self.steps.working_size))


def preparation_of(settings: Settings, target: TargetStains | None) -> Preparation:
    """Say how the images of an arm are made."""
    steps = settings.prepare_folder
    return Preparation(
        unit=settings.collection.unit,
        generated=settings.generated,
        steps=FolderSteps.part_of(steps),
        stain=Stains.part_of(steps.stain) if steps.stain else None,
        target=target,
    )
