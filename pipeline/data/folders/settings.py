"""The sections of an arm of folders."""

import re
import unicodedata
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.data.kinds import KindSettings
from pipeline.data.steps import StainSteps, ThumbnailSteps
from pipeline.params.base import Name, Seed, Share, Side
from pipeline.params.base import Settings as Section
from pipeline.params.demo import DemoData

# Layouts whose classes have no natural normal one.
OF_CLASSES = ("cifar10", "medmnist", "svhn")


class Collection(Section):
    """Where the images are, what is normal, and what belongs together."""

    layout: Literal["bmad", "cifar10", "medianomaly", "medmnist", "mvtec", "svhn", "table"] = Field(
        description="How the collection is laid out, see docs/adding.md."
    )
    folder: Name | None = Field(None, description="Folder under `data/raw`; null for that of the arm's name.")
    part: str = Field(
        "",
        description="Folder in it that holds the arm's images, as `bottle` of MVTec AD; empty for the whole, and for "
        "`table`, whose paths tell.",
    )
    file: str | None = Field(
        None,
        description="File that describes the collection, in the folder: the CSV of `table` (null: `images.csv`), the "
        "npz of `medmnist` (null: the only one).",
    )
    normal: tuple[str, ...] = Field(
        (), description="Names of the classes that are normal; empty for the layout's own, as `good` of MVTec AD."
    )
    validation_anomalies: tuple[str, ...] = Field(
        (), description="Other classes, whose training images are the validation anomalies."
    )
    groups: str | None = Field(
        None,
        description="Pattern (a regular expression) whose first bracket matches the patient, slide or the like in an "
        "image's path; images of one group are never in two splits. Null where that is not known: each image is then a "
        "group of its own, unless DICOM files name their patients.",
    )
    unit: Name = Field("group", description="What such a group is, in a word: `patient`, `slide`.")
    validation_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="Share of the training groups that is held out, where the layout holds out none."
    )
    seed: Seed = Field(
        0, description="What the draws start from; each item draws from it and its own name, whatever the others are."
    )

    @field_validator("part", "file")
    @classmethod
    def _stays_in_the_folder(cls, path: str | None) -> str | None:
        if path and (path.startswith("/") or ".." in PurePosixPath(path).parts):
            raise ValueError(f"{path!r} leaves the collection's folder: name what is in it")
        return path

    @field_validator("normal", "validation_anomalies")
    @classmethod
    def _one_spelling(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(unicodedata.normalize("NFC", name) for name in classes)  # an é may be one character or two

    @model_validator(mode="after")
    def _a_table_is_of_the_whole(self) -> Self:
        if self.layout == "table" and self.part:
            raise ValueError(f"part is {self.part!r}, but the paths of a table are of the whole folder: leave it empty")
        return self

    @model_validator(mode="after")
    def _classes_are_told_apart(self) -> Self:
        if self.layout in OF_CLASSES and not self.normal:
            raise ValueError(f"normal is empty, but the layout {self.layout} has no class that is normal: name some")
        if both := {*self.normal} & {*self.validation_anomalies}:
            raise ValueError(f"{min(both)!r} is in normal and in validation_anomalies: remove it from one")
        return self

    @model_validator(mode="after")
    def _groups_can_be_matched(self) -> Self:
        if self.groups is None:
            return self
        try:
            pattern = re.compile(self.groups)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"groups is no regular expression ({error})") from error
        if not pattern.groups:
            raise ValueError(f"groups, {self.groups!r}, has no bracket: put one around the part that names a group")
        return self


class Stains(StainSteps):
    """Vahadane stain normalisation of images that are tiles already; the paper's settings."""

    method: Literal["vahadane", "staintools", "none"] = Field("vahadane", description="See `normalize_tiles.method`.")
    brightness_percentile: Annotated[float, Field(gt=0, le=100)] = Field(
        90, description="Percentile of a tile's brightness that becomes white."
    )
    luminosity_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.8, description="Pixels whose luminosity is below it are tissue, which stains are learnt from."
    )
    dictionary_lambda: Annotated[float, Field(ge=0)] = Field(0.1, description="Sparsity in learning the stains.")
    code_lambda: Annotated[float, Field(ge=0)] = Field(0.01, description="Sparsity in separating them.")
    stains_of: Literal["tile"] = Field("tile", description="One stain matrix per tile.")
    rescale_codes: bool = Field(
        False, description="Whether the 99th percentile of each stain is matched to the target's, as staintools does."
    )
    sampled_pixels: Annotated[int, Field(gt=0, le=10_000_000)] = Field(
        80_000, description="Tissue pixels that stains are learnt from."
    )
    seed: Seed = Field(0, description="What the draws of those pixels start from.")


class StainsOfTarget(Stains):
    """The same, and where the stains come from."""

    target: str = Field(description="Image file of the collection whose stains all images are given.")


class FolderSteps(ThumbnailSteps):
    """The steps from an image file to a prepared image."""

    colour: bool = Field(False, description="Whether images keep their colours; without, they become gray.")
    thumbnail_size: Side = Field(64, description="Side in pixels that an image is resized to first.")
    crop_size: Side = Field(64, description="Side in pixels of the middle that is cut out of that.")
    equalization: Literal["none", "histogram", "clahe"] = Field(
        "none", description="Of gray images: `histogram` is global; `clahe` is contrast limited, on 8×8 fields."
    )
    working_size: Side = Field(
        64,
        description="Side in pixels of the prepared image; that of the detector, since these images are shown whole.",
    )

    @model_validator(mode="after")
    def _gray_alone_is_equalised(self) -> Self:
        if self.colour and self.equalization != "none":
            raise ValueError(f"equalization is {self.equalization}, but colour is true: only gray images are equalised")
        return self


class PrepareFolder(FolderSteps):
    """The same, the stains that they are given, and how many files may be unreadable."""

    stain: StainsOfTarget | None = Field(
        None,
        description="Stain normalisation, of what `crop_size` leaves: let the sizes before be those of the files.",
    )
    allowed_failures: Share = Field(0.01, description="Share of unreadable images above which the stage fails.")

    @model_validator(mode="after")
    def _stains_are_colours(self) -> Self:
        if self.stain and not self.colour:
            raise ValueError("stain is there, but colour is false: gray images have no stains")
        return self


class Settings(KindSettings):
    """All that an arm of folders says of its collection, and of how its images are made."""

    kind: ClassVar[str] = "folders"
    collection_key: ClassVar[str | None] = "collection.folder"
    prepared_by: ClassVar[str] = "prepare_folder"
    searched: ClassVar[tuple[str, ...]] = ("prepare_folder",)

    collection: Collection = Field(description="Where the images are, what is normal, and what belongs together.")
    prepare_folder: PrepareFolder = Field(description="The steps from an image file to a prepared image.")

    @property
    def generated(self) -> bool:
        """See :class:`KindSettings`: the demo draws no folders."""
        return False

    @property
    def unit(self) -> str:
        """See :class:`KindSettings`."""
        return self.collection.unit

    def collection_of(self, arm: str) -> str:
        """See :class:`KindSettings`: several arms may be of one collection."""
        return self.collection.folder or arm

    def check_resolution(self, side: int, detector: str) -> None:
        """See :class:`KindSettings`."""
        if self.prepare_folder.working_size != side:
            raise ValueError(
                f"prepare_folder.working_size is {self.prepare_folder.working_size}, {detector} sees {side} px: they "
                "must be equal, since images are shown whole"
            )

    def check_drawn(self, demo: DemoData) -> None:
        """See :class:`KindSettings`: nothing is drawn."""
