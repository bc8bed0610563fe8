"""The sections of an arm of slides."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.data.kinds import KindSettings
from pipeline.params.base import Microns, Name, Natural, Positive, Seed, Share, Side
from pipeline.params.base import Settings as Section
from pipeline.params.demo import DemoData


class Scale(Section):
    """At which scale the slides of a collection are read."""

    microns_per_pixel: Microns
    tolerance: Annotated[float, Field(ge=0, lt=0.5)]
    assumed_microns_per_pixel: Microns | None
    upsampling: bool


class Slides(Scale):
    """Facts of a collection of slides and the roles of its members."""

    generated: bool
    table: str | None
    excluded: tuple[Name, ...]
    not_exhaustively_annotated: tuple[Name, ...]
    validation_tumour: tuple[Name, ...]
    validation_share: Annotated[float, Field(ge=0, lt=1)]
    allowed_failures: Share
    seed: Seed

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

    top: Natural
    bottom: Natural
    left: Natural
    right: Natural


class Warn(Section):
    """From which value on a slide is worth a look."""

    little_tissue: Share
    pen: Share
    black: Share
    blur: Share


class TissueSteps(Section):
    """How tissue is told from background."""

    microns_per_pixel: Microns
    tall_mask: Side
    tall_border: Border
    border: Border
    opening: Annotated[int, Field(ge=0, le=1_000)]
    smallest_hole: Natural
    smallest_object: Natural


class TissueMasks(TissueSteps):
    """The same, and which slides are worth a look."""

    warn: Warn


class SampleTiles(Section):
    """Which tiles are candidates and how many are drawn."""

    tile_size: Side
    tile_lists: tuple[str, ...]
    tiles_per_slide: Annotated[int, Field(gt=0, le=100_000)]
    least_tissue: Annotated[float, Field(gt=0, le=1)]
    least_lesion: Annotated[float, Field(gt=0, le=1)]
    tumour_groups: tuple[str, ...]
    exclusion_groups: tuple[str, ...]
    seed: Seed


class Region(Section):
    """A square of a slide: corner in level-0 pixels, size in pixels at the scale of tiles."""

    x: Natural
    y: Natural
    size: Side


class StainTarget(Section):
    """What all tiles are given the stains of: a region of a slide or, without a region, a whole image file."""

    file: str
    region: Region | None


class NormalizeTiles(Section):
    """Vahadane stain normalisation and the resolution of the prepared array."""

    method: Literal["vahadane", "staintools", "none"]
    target: StainTarget
    brightness_percentile: Annotated[float, Field(gt=0, le=100)]
    luminosity_threshold: Annotated[float, Field(gt=0, lt=1)]
    dictionary_lambda: Annotated[float, Field(ge=0)]
    code_lambda: Annotated[float, Field(ge=0)]
    stains_of: Literal["tile", "slide"]
    rescale_codes: bool
    sampled_pixels: Positive
    working_size: Side
    downsampling: Literal["area", "bilinear"]
    full_size_tiles: bool
    seed: Seed

    @model_validator(mode="after")
    def _one_matrix_per_slide_is_ours_only(self) -> Self:
        if self.stains_of == "slide" and self.method != "vahadane":
            raise ValueError(f"stains_of: slide needs method: vahadane, found {self.method}")
        return self


class Settings(KindSettings):
    """All that an arm of slides says of its collection, and of how its tiles are found and made."""

    kind: ClassVar[str] = "slides"
    prepared_by: ClassVar[str] = "normalize_tiles"
    searched: ClassVar[tuple[str, ...]] = ("normalize_tiles",)

    collection: Slides
    tissue_masks: TissueMasks
    sample_tiles: SampleTiles
    normalize_tiles: NormalizeTiles

    @property
    def mask_pixels(self) -> float:
        """Mask pixels to the side of a tile: a whole number, but for rounding."""
        microns = self.sample_tiles.tile_size * self.collection.microns_per_pixel
        return microns / self.tissue_masks.microns_per_pixel

    @property
    def generated(self) -> bool:
        """See :class:`KindSettings`."""
        return self.collection.generated

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
