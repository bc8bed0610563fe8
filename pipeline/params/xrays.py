"""The sections of the X-ray branch."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Name, Positive, Settings, Share

# Of NIH ChestX-ray14.
Finding = Literal[
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
]


class SplitXrays(Settings):
    """Which X-rays belong to an arm and to which split."""

    collection: Name
    lists: Literal["official", "subset"]
    view: Literal["PA", "AP"] | None
    validation_findings: tuple[Finding, ...]
    validation_share: Annotated[float, Field(ge=0, lt=1)]
    seed: int


class EqualizeXrays(Settings):
    """The steps from an X-ray file to the prepared array."""

    thumbnail_size: Positive
    crop_size: Positive
    equalization: Literal["none", "histogram"]
    working_size: Positive
    allowed_failures: Share

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop_size > self.thumbnail_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than thumbnail_size {self.thumbnail_size}")
        return self
