"""The settings of Deep GEO."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.params.base import Positive, Side, Width

POOLED = 32  # the network halves images twice, then averages squares of 8 × 8


class DeepGeoSettings(DetectorSettings):
    """How images are transformed, and which network tells it; the defaults are those of the paper's runs at 64 px.

    For 32 px they had a depth of 10, a width of 4 and a shift of 8.
    """

    words: ClassVar[Words] = Words(
        name="Deep GEO",
        plural="geometric transformations",
        meaning="**Deep GEO** is how unusual the answers of a network are that tells flips, shifts and turns apart",
        loss="cross-entropy",
        paper="Deep GEO",
    )

    side: Side | None = Field(
        None,
        description="Side in pixels of the central square that is scored, a multiple of 32; null for the whole image, "
        "which then has to be such a square.",
    )
    shift: Side = Field(16, description="By how many pixels images are shifted, along either axis.")
    depth: Annotated[int, Field(ge=10, le=1_000)] = Field(
        16, description="Layers of the wide residual network: 4, and a multiple of 6."
    )
    width: Width = Field(8, description="How many times wider it is than a residual network of 16, 32 and 64 channels.")
    learning_rate: float = Field(0.001, gt=0, description="Of Adam.")
    batch_size: Width = Field(128, description="Transformed images per iteration.")
    epochs: Positive = Field(
        3, description="How often the network sees every training image under each of the 72 transformations."
    )
    report_every: Positive = Field(1000, description="Iterations per row of the history.")

    @property
    def resolution(self) -> int | None:
        """See :attr:`DetectorSettings.resolution`."""
        return self.side

    def fault(self, side: int) -> str:
        """What forbids to see squares of a side in pixels, with the key to change; empty where nothing does."""
        if side % POOLED:
            return f"side: the network sees squares whose side is a multiple of {POOLED} px, not {side} px"
        if self.shift >= side:
            return f"shift: {self.shift} px shift an image of {side} px out of itself"
        return ""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if (self.depth - 4) % 6:
            raise ValueError(f"depth is {self.depth}, but has to be 4 and a multiple of 6, such as 10, 16 or 22")
        if self.side and (fault := self.fault(self.side)):
            raise ValueError(fault)
        return self


SETTINGS = DeepGeoSettings
