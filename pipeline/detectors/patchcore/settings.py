"""The settings of PatchCore."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.detectors.on_features import Backbone, FeatureSettings, InputSize, Layers
from pipeline.detectors.settings import Words
from pipeline.params.base import Positive, Weight, Width


class PatchcoreSettings(FeatureSettings):
    """Which patches are kept and compared; the defaults are those of the authors' code (Roth et al. 2022)."""

    words: ClassVar[Words] = Words(
        name="PatchCore",
        plural="nearest patches",
        meaning="**PatchCore** is the largest distance of an image's patches to the nearest patch of training images",
        loss="largest distance of a candidate to the bank",
    )

    backbone: Backbone = "wide_resnet50_2"
    layers: Layers = ("layer2", "layer3")
    input_size: InputSize = 224
    dimension: Width = Field(1024, description="Numbers that describe a patch: neighbouring channels are averaged.")
    candidates: Positive = Field(
        100_000, description="Patches that the bank is chosen from, at most; each image gives as many."
    )
    coreset: Annotated[float, Field(gt=0, le=1)] = Field(0.1, description="Share of all training patches in the bank.")
    bank: Positive = Field(10_000, description="Patches in the bank, at most: scoring takes time in proportion.")
    projection: Width = Field(128, description="Numbers that patches are projected to while the bank is chosen.")
    rule: Literal["official", "reweighted"] = Field(
        "official",
        description="`official`: the largest distance of a patch is the score, as in the authors' code; `reweighted`: "
        "times how lonely its nearest patch is, as in their paper.",
    )
    neighbours: Annotated[int, Field(ge=2, le=10_000_000)] = Field(
        9, description="Patches of the bank, from the nearest one on, by which `reweighted` measures that."
    )
    smoothing: Weight = Field(
        4.0, description="Standard deviation in pixels of the network's input by which maps are blurred; 0 for none."
    )

    @model_validator(mode="after")
    def _has_room_for_the_bank(self) -> Self:
        if self.bank > self.candidates:
            raise ValueError(f"bank: {self.bank} patches cannot be chosen from {self.candidates} candidates")
        return self


SETTINGS = PatchcoreSettings
