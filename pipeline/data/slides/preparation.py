"""How an arm's tiles were made: enough to make a new one alike, without any other file."""

from pathlib import PurePath
from typing import Literal, Self

import cv2
import numpy as np
from PIL import Image
from pydantic import model_validator

from pipeline.data.slides.settings import Scale, Settings, TileSteps, TissueSteps
from pipeline.data.slides.tile_pictures import read_tile_picture
from pipeline.data.stain import Normalizer, TargetStains, make_normalizer
from pipeline.params.base import Settings as Section
from pipeline.params.base import Share, Side


class Preparation(Section):
    """What ``preparation.json`` of an arm of slides holds, and all that tiles are made by.

    Attributes:
        kind: The name in :func:`pipeline.data.kinds.names`.
        unit: What is judged: several images are of one slide.
        image: What one image is.
        generated: Whether the slides are drawn, not of patients.
        scale: At which slides are read.
        tissue: How tissue is found.
        least_tissue: Share of a tile that must be tissue.
        tile_size: Side in pixels at that scale.
        normalize_tiles: How tiles are given one staining and shrunk.
        target: The stains that they are given, matrix and strength; None for the method ``none``. Not the file that
            they were learnt from: a slide's name may be a patient's, and this travels in every model's file.
    """

    kind: Literal["slides"] = "slides"
    unit: Literal["slide"] = "slide"
    image: Literal["tile"] = "tile"
    generated: bool
    scale: Scale
    tissue: TissueSteps
    least_tissue: Share
    tile_size: Side
    normalize_tiles: TileSteps
    target: TargetStains | None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if not self.mask_pixels or self.tile_size % self.normalize_tiles.working_size:
            raise ValueError("a tile is no mask pixel, or its side is no multiple of working_size")
        if (self.target is None) != (self.normalize_tiles.method == "none"):
            raise ValueError("stains are given without a target, or a target without stains")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image: height, width, channels."""
        return (self.normalize_tiles.working_size, self.normalize_tiles.working_size, 3)

    @property
    def mask_pixels(self) -> int:
        """Mask pixels to the side of a tile."""
        return round(self.tile_size * self.scale.microns_per_pixel / self.tissue.microns_per_pixel)

    def prepare(self, content: bytes, name: str) -> np.ndarray:
        """Make an image of a picture of one tile; see :func:`pipeline.data.slides.tile_pictures.read_tile_picture`.

        Args:
            content: Of the file.
            name: Of the file.

        Returns:
            uint8 (working_size, working_size, 3).

        Raises:
            PipelineError: If the file is something else, cannot be read, or is no tile by its size.
            TooLittleStainError: If its stains cannot be told apart.
        """
        tile = read_tile_picture(content, name, self.tile_size)
        return self.shrink(self.normalizer().normalize(tile, PurePath(name).stem))

    def normalizer(self) -> Normalizer:
        """Return what gives tiles the target's stains."""
        return make_normalizer(self.target, self.normalize_tiles)

    def shrink(self, tile: np.ndarray) -> np.ndarray:
        """Downsample a tile, uint8 (S, S, 3), to the working size: by averaging areas or by Pillow's bilinear."""
        side = self.normalize_tiles.working_size
        if self.normalize_tiles.downsampling == "bilinear":
            return np.asarray(Image.fromarray(tile).resize((side, side), Image.Resampling.BILINEAR))
        return np.asarray(cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA))


def preparation_of(settings: Settings, target: TargetStains | None) -> Preparation:
    """Say how the tiles of an arm are made."""
    return Preparation(
        generated=settings.generated,
        scale=Scale.part_of(settings.collection),
        tissue=TissueSteps.part_of(settings.tissue_masks),
        least_tissue=settings.sample_tiles.least_tissue,
        tile_size=settings.sample_tiles.tile_size,
        normalize_tiles=TileSteps.part_of(settings.normalize_tiles),
        target=target,
    )
