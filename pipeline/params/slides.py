"""The sections of the slide branch."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Microns, Name, Natural, Positive, Seed, Settings, Share, Side


class Slides(Settings):
    """Facts of a collection of slides and the roles of its members."""

    table: str | None
    microns_per_pixel: Microns
    tolerance: Annotated[float, Field(ge=0, lt=0.5)]
    assumed_microns_per_pixel: Microns | None
    upsampling: bool
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


class Border(Settings):
    """Mask pixels cleared along each side."""

    top: Natural
    bottom: Natural
    left: Natural
    right: Natural


class Warn(Settings):
    """From which value on a slide is worth a look."""

    little_tissue: Share
    pen: Share
    black: Share
    blur: Share


class TissueMasks(Settings):
    """How tissue is told from background."""

    microns_per_pixel: Microns
    tall_mask: Side
    tall_border: Border
    border: Border
    opening: Annotated[int, Field(ge=0, le=1_000)]
    smallest_hole: Natural
    smallest_object: Natural
    warn: Warn


class SampleTiles(Settings):
    """Which tiles are candidates and how many are drawn."""

    tile_size: Side
    tile_lists: tuple[str, ...]
    tiles_per_slide: Annotated[int, Field(gt=0, le=100_000)]
    least_tissue: Annotated[float, Field(gt=0, le=1)]
    least_lesion: Annotated[float, Field(gt=0, le=1)]
    tumour_groups: tuple[str, ...]
    exclusion_groups: tuple[str, ...]
    seed: Seed


class Region(Settings):
    """A square of a slide: corner in level-0 pixels, size in pixels at the scale of tiles."""

    x: Natural
    y: Natural
    size: Side


class StainTarget(Settings):
    """What all tiles are given the stains of: a region of a slide or, without a region, a whole image file."""

    file: str
    region: Region | None


class NormalizeTiles(Settings):
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


def check_arm(
    arm: str, slides: Slides, masks: TissueMasks, tiles: SampleTiles, normalize: NormalizeTiles, resolution: int
) -> None:
    """Check that the sections of an arm of slides fit together.

    Args:
        arm: The arm.
        slides: Its part of ``slides``.
        masks: Its part of ``tissue_masks``.
        tiles: Its part of ``sample_tiles``.
        normalize: Its part of ``normalize_tiles``.
        resolution: Side in pixels of the images at the end of its training.

    Raises:
        ValueError: Naming the keys that do not fit.
    """
    mask_pixels = tiles.tile_size * slides.microns_per_pixel / masks.microns_per_pixel
    if mask_pixels < 1 or abs(mask_pixels - round(mask_pixels)) > 1e-6:
        raise ValueError(
            f"sample_tiles.{arm}.tile_size {tiles.tile_size} is {mask_pixels:.3g} mask pixels, expected a "
            f"whole number: change it or tissue_masks.{arm}.microns_per_pixel"
        )
    size = normalize.working_size
    if tiles.tile_size % size:
        raise ValueError(f"normalize_tiles.{arm}.working_size {size} does not divide {tiles.tile_size}")
    if size < resolution:
        raise ValueError(f"normalize_tiles.{arm}.working_size {size} is below train.{arm}'s {resolution} px")
