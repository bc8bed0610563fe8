"""The settings of GANomaly."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.params.base import Positive, Side, Weight, Width

SMALLEST = 8  # px: the networks halve once at least, and end at 4 px


class GanomalySettings(DetectorSettings):
    """Networks and training; the defaults are the authors' (Akcay et al. 2018, as released)."""

    words: ClassVar[Words] = Words(
        name="GANomaly",
        plural="GANomaly",
        meaning="**GANomaly** is the distance between the codes of an image and of its reconstruction",
        loss="weighted sum of three losses",
        paper="GANomaly",
    )

    side: Side | None = Field(
        None,
        description="Side in pixels of the central square that is scored, a power of two from 8 on; null for the whole "
        "image, such a square.",
    )
    width: Width = Field(64, description="Maps of the first convolution; each that halves the image has twice as many.")
    latent_dim: Width = Field(100, description="Numbers of a code.")
    adversarial_weight: Weight = Field(
        1.0, description="Of the squared difference of what the discriminator's last layer but one makes of both."
    )
    reconstruction_weight: Weight = Field(50.0, description="Of the L1 difference of image and reconstruction.")
    latent_weight: Weight = Field(1.0, description="Of the squared difference of their codes.")
    epochs: Positive = Field(15, description="Passes over the training images; the last one is kept.")
    batch_size: Width = Field(64, description="Images per iteration.")
    learning_rate: float = Field(2e-4, gt=0, description="Of the Adam of each network.")
    beta1: float = Field(0.5, ge=0, lt=1, description="Momentum of both.")
    report_every: Positive = Field(100, description="Iterations per row of the history.")

    @property
    def resolution(self) -> int | None:
        """See :attr:`DetectorSettings.resolution`."""
        return self.side

    @staticmethod
    def fault(side: int) -> str | None:
        """Say why the networks do not take images of this side; None where they do."""
        if side < SMALLEST or side & (side - 1):
            return f"side: {side} px is not a power of two from {SMALLEST} on"
        return None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.side and (fault := self.fault(self.side)):
            raise ValueError(fault)
        return self


SETTINGS = GanomalySettings
