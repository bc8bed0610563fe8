"""The sections of the X-ray branch."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.params.base import Name, Seed, Settings, Share, Side

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
    table: str | None
    lists: Literal["official", "subset"] | None
    view: Literal["PA", "AP"] | None
    validation_findings: tuple[str, ...]
    validation_share: Annotated[float, Field(ge=0, lt=1)]
    seed: Seed

    @model_validator(mode="after")
    def _splits_come_from_one_place(self) -> Self:
        if (self.table is None) == (self.lists is None):
            raise ValueError("splits come from lists or from a table: set one of the two, and the other to null")
        unknown = [name for name in self.validation_findings if name not in get_args(Finding)]
        if unknown and self.table is None:
            raise ValueError(f"validation_findings names {unknown[0]!r}, which is none of the 14 findings")
        return self


class EqualizeXrays(Settings):
    """The steps from an X-ray file to the prepared array."""

    thumbnail_size: Side
    crop_size: Side
    equalization: Literal["none", "histogram", "clahe"]
    working_size: Side
    allowed_failures: Share

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop_size > self.thumbnail_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than thumbnail_size {self.thumbnail_size}")
        return self


def check_arm(arm: str, equalize: EqualizeXrays, resolution: int) -> None:
    """Check that the sections of an arm of X-rays fit together.

    Args:
        arm: The arm.
        equalize: Its part of ``equalize_xrays``.
        resolution: Side in pixels of the images at the end of its training.

    Raises:
        ValueError: Naming the keys that do not fit.
    """
    if equalize.working_size != resolution:
        raise ValueError(
            f"equalize_xrays.{arm}.working_size is {equalize.working_size}, train.{arm}'s schedule ends at "
            f"{resolution} px: they must be equal, since X-rays are shown whole"
        )
