"""The sections of an arm of slides."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.data.kinds import KindSettings
from pipeline.data.steps import StainSteps
from pipeline.params.base import Microns, Name, Natural, Seed, Share, Side
from pipeline.params.base import Settings as Section
from pipeline.params.demo import DemoData


class Scale(Section):
    """At which scale the slides of a collection are read."""

    microns_per_pixel: Microns = Field(description="Scale in µm at which tiles are read.")
    tolerance: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        description="A slide, or level of it, within this share of that scale is read without resampling."
    )
    assumed_microns_per_pixel: Microns | None = Field(
        description="Scale in µm of slides that do not state theirs; null makes that an error."
    )
    upsampling: bool = Field(
        description="Whether slides coarser than that scale are enlarged; otherwise they are an error."
    )


class Slides(Scale):
    """Facts of a collection of slides and the roles of its members."""

    generated: bool = Field(description="Whether the stage `demo_data` draws the collection, as one of the demo's.")
    table: str | None = Field(
        description="CSV in the collection's folder that gives every slide its role; null for the layout of Camelyon16."
    )
    excluded: tuple[Name, ...] = Field(description="Slides left out, by name.")
    not_exhaustively_annotated: tuple[Name, ...] = Field(
        description="Tumour slides whose outlines are not complete; left out."
    )
    validation_tumour: tuple[Name, ...] = Field(
        description="Tumour training slides whose tumour tiles are the validation anomalies."
    )
    validation_share: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="Share of the normal training slides that is held out, whole groups (patients) at a time."
    )
    allowed_failures: Share = Field(description="Share of slides, and of tiles, that may fail before a stage does.")
    seed: Seed = Field(
        description="What the draws start from; each item draws from it and its own name, whatever the others are."
    )

    @property
    def reading(self) -> tuple[object, ...]:
        """What decides how a slide is read, as against which slides are."""
        return (self.microns_per_pixel, self.tolerance, self.assumed_microns_per_pixel, self.upsampling, self.seed)

    @model_validator(mode="after")
    def _roles_come_from_one_place(self) -> Self:
        if self.table and (self.validation_tumour or self.not_exhaustively_annotated):
            raise ValueError(
                "validation_tumour and not_exhaustively_annotated belong to Camelyon16's layout: with a table, "
                "give every slide its role there and leave these two empty"
            )
        return self


class Border(Section):
    """Mask pixels cleared along each side."""

    top: Natural = Field(description="Rows cleared at the top.")
    bottom: Natural = Field(description="Rows cleared at the bottom.")
    left: Natural = Field(description="Columns cleared on the left.")
    right: Natural = Field(description="Columns cleared on the right.")


class Warn(Section):
    """From which value on a slide is worth a look."""

    little_tissue: Share = Field(description="Share of the slide that is tissue, below which it is little.")
    pen: Share = Field(description="Share of the tissue that looks like pen.")
    black: Share = Field(description="Share of the slide that is black.")
    blur: Share = Field(description="From 0, sharp, to 1: Crété-Roffet's measure.")


class TissueSteps(Section):
    """How tissue is told from background."""

    microns_per_pixel: Microns = Field(description="Side of a mask pixel in µm.")
    tall_mask: Side = Field(description="Rows from more than which on a mask is tall.")
    tall_border: Border = Field(description="Mask pixels cleared along the sides of tall masks.")
    border: Border = Field(description="Mask pixels cleared along the sides of all others.")
    opening: Annotated[int, Field(ge=0, le=1_000)] = Field(
        description="Side in mask pixels of the square of the morphological opening; 0 for none."
    )
    smallest_hole: Natural = Field(description="In mask pixels: smaller holes are filled.")
    smallest_object: Natural = Field(description="In mask pixels: smaller objects are dropped.")


class TissueMasks(TissueSteps):
    """The same, and which slides are worth a look."""

    warn: Warn = Field(description="From which value on a slide is listed as worth a look.")


class SampleTiles(Section):
    """Which tiles are candidates and how many are drawn."""

    tile_size: Side = Field(description="Side of a tile in pixels, at the scale of the collection.")
    tile_lists: tuple[str, ...] = Field(
        description="Text files in the collection's folder that name the tiles to take, instead of drawing them."
    )
    tiles_per_slide: Annotated[int, Field(gt=0, le=100_000)] = Field(
        description="At most so many tiles are drawn of a slide."
    )
    least_tissue: Annotated[float, Field(gt=0, le=1)] = Field(description="Least share of tissue in a tile.")
    least_lesion: Annotated[float, Field(gt=0, le=1)] = Field(description="Least share of lesion in a tumour tile.")
    tumour_groups: tuple[str, ...] = Field(description="Groups of the annotation that are lesion.")
    exclusion_groups: tuple[str, ...] = Field(description="Groups of the annotation that are holes in it.")
    seed: Seed = Field(
        description="What the draws start from; each item draws from it and its own name, whatever the others are."
    )


class Region(Section):
    """A square of a slide: corner in level-0 pixels, size in pixels at the scale of tiles."""

    x: Natural = Field(description="Column of the upper left corner, in level-0 pixels.")
    y: Natural = Field(description="Row of the upper left corner, in level-0 pixels.")
    size: Side = Field(description="Side in pixels, at the scale of tiles.")


class StainTarget(Section):
    """What all tiles are given the stains of: a region of a slide or, without a region, a whole image file."""

    file: str = Field(description="File of the collection.")
    region: Region | None = Field(description="Its part that counts; null for the whole of an image file.")


class TileSteps(StainSteps):
    """Vahadane stain normalisation towards given stains, and the resolution of the prepared array."""

    working_size: Side = Field(description="Side in pixels of the prepared image; divides `tile_size`.")
    downsampling: Literal["area", "bilinear"] = Field(description="`area` averages, `bilinear` is Pillow's.")
    full_size_tiles: bool = Field(
        description="Whether normalised tiles are also kept at full size, as PNG in "
        "`data/interim/<arm>/normalized/tiles/`."
    )


class NormalizeTiles(TileSteps):
    """The same, and where the stains come from."""

    target: StainTarget = Field(description="What all tiles are given the stains of.")


class Settings(KindSettings):
    """All that an arm of slides says of its collection, and of how its tiles are found and made."""

    kind: ClassVar[str] = "slides"
    whole: ClassVar[str | None] = "slide"
    image: ClassVar[str] = "tile"
    prepared_by: ClassVar[str] = "normalize_tiles"
    searched: ClassVar[tuple[str, ...]] = ("normalize_tiles",)

    collection: Slides = Field(description="Facts of the collection, and which part each slide has.")
    tissue_masks: TissueMasks = Field(
        description="How tissue is told from background, and which slides are worth a look."
    )
    sample_tiles: SampleTiles = Field(description="Which tiles are candidates, and how many are drawn.")
    normalize_tiles: NormalizeTiles = Field(
        description="How tiles are given one staining, and at which resolution they are prepared."
    )

    @property
    def mask_pixels(self) -> float:
        """Mask pixels to the side of a tile: a whole number, but for rounding."""
        microns = self.sample_tiles.tile_size * self.collection.microns_per_pixel
        return microns / self.tissue_masks.microns_per_pixel

    @property
    def generated(self) -> bool:
        """See :class:`KindSettings`."""
        return self.collection.generated

    @property
    def unit(self) -> str:
        """See :class:`KindSettings`."""
        return "slide"

    def collection_of(self, arm: str) -> str:
        """See :class:`KindSettings`: each arm of slides has a collection of its own, of the same name."""
        return arm

    def check_resolution(self, side: int, detector: str) -> None:
        """See :class:`KindSettings`: a detector may see less than tiles hold, but not more."""
        if self.normalize_tiles.working_size < side:
            raise ValueError(
                f"normalize_tiles.working_size is {self.normalize_tiles.working_size}, {detector} sees {side} px: it "
                "must be at least that"
            )

    def check_drawn(self, demo: DemoData) -> None:
        """See :class:`KindSettings`: the target lies inside the drawn slides, and those that are named are drawn."""
        if not self.generated:
            return
        drawn, region = demo.slides, self.normalize_tiles.target.region
        if region and max(region.x, region.y) + region.size > drawn.size:
            raise ValueError(f"normalize_tiles.target ends outside the drawn slides of {drawn.size} px")
        names = {f"tumor_{number:03d}" for number in range(1, drawn.tumour + 1)}
        absent = sorted(set(self.collection.validation_tumour) - names)
        if absent:
            raise ValueError(
                f"collection.validation_tumour names {absent[0]}, but demo_data.slides.tumour is {drawn.tumour}"
            )

    @model_validator(mode="after")
    def _scales_fit(self) -> Self:
        size, side = self.sample_tiles.tile_size, self.mask_pixels
        if side < 1 or abs(side - round(side)) > 1e-6:
            raise ValueError(
                f"sample_tiles.tile_size {size} is {side:.3g} mask pixels, expected a whole number: change it or "
                "tissue_masks.microns_per_pixel"
            )
        if size % self.normalize_tiles.working_size:
            raise ValueError(f"normalize_tiles.working_size {self.normalize_tiles.working_size} does not divide {size}")
        return self
