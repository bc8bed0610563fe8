"""The sections of an arm of X-rays."""

from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from pipeline.data.kinds import KindSettings
from pipeline.data.steps import ThumbnailSteps
from pipeline.params.base import Name, Seed, Share
from pipeline.params.base import Settings as Section
from pipeline.params.demo import DemoData

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


class SplitXrays(Section):
    """Which X-rays belong to an arm and to which split."""

    generated: bool = Field(description="Whether the stage `demo_data` draws the collection, as one of the demo's.")
    collection: Name = Field(description="Folder under `data/raw`.")
    table: str | None = Field(
        description="CSV in the collection's folder that describes it; null for the layout of NIH ChestX-ray14."
    )
    lists: Literal["official", "subset"] | None = Field(
        description="`official` (train_val_list.txt, test_list.txt) or `subset` (five lists in `subset/`); null with a "
        "table."
    )
    view: Literal["PA", "AP"] | None = Field(description="Of which view; null for both.")
    validation_findings: tuple[str, ...] = Field(
        description="An image whose only finding is one of these may be a validation anomaly."
    )
    validation_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="Share of the training patients that is held out."
    )
    seed: Seed = Field(
        description="What the draws start from; each item draws from it and its own name, whatever the others are."
    )

    @model_validator(mode="after")
    def _splits_come_from_one_place(self) -> Self:
        if (self.table is None) == (self.lists is None):
            raise ValueError("splits come from lists or from a table: set one of the two, and the other to null")
        unknown = [name for name in self.validation_findings if name not in get_args(Finding)]
        if unknown and self.table is None:
            raise ValueError(f"validation_findings names {unknown[0]!r}, which is none of the 14 findings")
        return self


class EqualizeXrays(ThumbnailSteps):
    """The same, and how many files may be unreadable."""

    allowed_failures: Share = Field(description="Share of unreadable images above which the stage fails.")


class Settings(KindSettings):
    """All that an arm of X-rays says of its collection, and of how its images are made."""

    kind: ClassVar[str] = "xrays"
    image: ClassVar[str] = "X-ray"
    collection_key: ClassVar[str | None] = "split_xrays.collection"
    prepared_by: ClassVar[str] = "equalize_xrays"
    searched: ClassVar[tuple[str, ...]] = ("equalize_xrays",)

    split_xrays: SplitXrays = Field(description="Which X-rays belong to the arm, and to which split.")
    equalize_xrays: EqualizeXrays = Field(description="The steps from an X-ray file to a prepared image.")

    @property
    def generated(self) -> bool:
        """See :class:`KindSettings`."""
        return self.split_xrays.generated

    @property
    def unit(self) -> str:
        """See :class:`KindSettings`."""
        return "patient"

    def collection_of(self, arm: str) -> str:
        """See :class:`KindSettings`: several arms may be of one collection."""
        return self.split_xrays.collection

    def check_resolution(self, side: int, detector: str) -> None:
        """See :class:`KindSettings`."""
        if self.equalize_xrays.working_size != side:
            raise ValueError(
                f"equalize_xrays.working_size is {self.equalize_xrays.working_size}, {detector} sees {side} px: they "
                "must be equal, since X-rays are shown whole"
            )

    def check_drawn(self, demo: DemoData) -> None:
        """See :class:`KindSettings`: nothing names a drawn patient."""
