"""Reading a slide at a physical scale, the same way whatever pyramid its scanner wrote."""

from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import openslide

from pipeline.data.slides.settings import Scale
from pipeline.errors import PipelineError
from pipeline.layout import arm_key

# Side in pixels of the pieces from which a thumbnail is averaged: 16 MiB each, however large the slide.
PIECE = 2048
# A pyramid level may be this much coarser than the thumbnail and still be used for it: levels are rounded to
# whole pixels, so that a level called 1/256 is often 1/256.03.
LEVEL_ROUNDING = 1.01
# Sizes that no scanner makes and that a damaged or hostile header may claim: level-0 pixels to a side, pixels of a
# thumbnail.
LARGEST_SIDE = 2_000_000
POSSIBLE_MICRONS = (0.02, 100.0)
# x and y may differ by this share; more would need tiles that are not square.
MOST_ANISOTROPY = 0.02
LARGEST_THUMBNAIL = 100_000_000


class Slide:
    """A whole-slide image, used as a context manager.

    Places are given in level-0 pixels (x: column, y: row). The tile scale is the arm's ``microns_per_pixel``; a
    level within ``tolerance`` of it counts as being exactly at it, as the 0.243 µm/px of some Camelyon16
    scanners count as 40x in the paper, and is read without resampling.

    Attributes:
        size: Width and height in level-0 pixels.
        stated_microns_per_pixel: Scale of level 0 as the file states it; null if it does not.
        microns_per_pixel: Scale of level 0 in µm/px, after that rounding.
        objective: Power of the objective as the file states it, 40 for 40x; None if it does not.
        corner: Column and row at which the scanned part begins, which some viewers crop to; 0 if that is not stated.
        pixels_per_tile_pixel: Level-0 pixels to one pixel of a tile; 1 where tiles are cut from level 0, below 1
            where they are upsampled.
        tile_level: The pyramid level that tiles are read from.

    Raises:
        PipelineError: If the file cannot be opened, claims an impossible size, does not tell its scale while none
            is assumed, or is coarser than the tile scale while ``upsampling`` is off.
    """

    def __init__(self, path: Path, settings: Scale, arm: str):
        self.path = path
        try:
            self._slide = openslide.OpenSlide(path)
        except (openslide.OpenSlideError, OSError) as error:
            raise PipelineError(f"{path} cannot be opened as a slide ({error}): is the download complete?") from error
        try:
            self.size: tuple[int, int] = self._slide.dimensions
            if max(self.size) > LARGEST_SIDE:
                raise PipelineError(f"{path} claims {self.size[0]}×{self.size[1]} px: is the file damaged?")
            self._check_levels()
            self.stated_microns_per_pixel = self._stated_scale()
            self.microns_per_pixel = self._base_scale(settings, arm)
        except BaseException:
            self._slide.close()
            raise
        self.objective = _number(self._slide.properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER))
        keys = openslide.PROPERTY_NAME_BOUNDS_X, openslide.PROPERTY_NAME_BOUNDS_Y
        left, top = (int(self._slide.properties.get(key, 0)) for key in keys)
        self.corner = left, top
        self.pixels_per_tile_pixel = settings.microns_per_pixel / self.microns_per_pixel
        self.tile_level, self._tile_factor = self._level(self.pixels_per_tile_pixel, exact=1e-3)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._slide.close()

    def read(self, x: int, y: int, size: int) -> np.ndarray:
        """Read a square at the tile scale.

        Args:
            x: Level-0 column of the upper left corner.
            y: Level-0 row of the upper left corner.
            size: Side in pixels at the tile scale.

        Returns:
            uint8 RGB (size, size, 3). White where the slide holds nothing.

        Raises:
            PipelineError: If this part of the file is damaged.
        """
        if abs(self._tile_factor - 1) < 1e-3:
            return self._read(x, y, self.tile_level, size, size)
        # rounded down, so that tiles of a grid do not overlap
        side = max(1, int(size * self._tile_factor + 1e-6))
        square = self._read(x, y, self.tile_level, side, side)
        interpolation = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(square, (size, size), interpolation=interpolation))

    def thumbnail(self, microns_per_pixel: float) -> np.ndarray:
        """Average the whole slide down to mask pixels.

        The level is fixed by the slide alone (the coarsest that is fine enough), so that every machine makes the
        same thumbnail. An incomplete mask pixel at the right and lower edge is left out.

        Args:
            microns_per_pixel: Side of a mask pixel in µm.

        Returns:
            uint8 RGB (rows, columns, 3).

        Raises:
            PipelineError: If the slide is smaller than one mask pixel, is too large for one thumbnail, or is damaged.
        """
        pixel = microns_per_pixel / self.microns_per_pixel
        columns, rows = (int(side / pixel + 1e-6) for side in self.size)
        if not columns or not rows:
            raise PipelineError(f"{self.path}: its {self.size[0]}×{self.size[1]} px are less than one mask pixel")
        if rows * columns > LARGEST_THUMBNAIL:
            raise PipelineError(f"{self.path}: its mask would have {columns}×{rows} px; raise its microns_per_pixel")
        level, factor = self._level(pixel, exact=LEVEL_ROUNDING - 1)
        step = max(1, int(PIECE / factor))
        thumbnail = np.empty((rows, columns, 3), np.uint8)
        for top in range(0, rows, step):
            for left in range(0, columns, step):
                high, wide = min(step, rows - top), min(step, columns - left)
                corner = round(left * pixel), round(top * pixel)
                piece = self._read(*corner, level, max(1, round(wide * factor)), max(1, round(high * factor)))
                small = cv2.resize(piece, (wide, high), interpolation=cv2.INTER_AREA)
                thumbnail[top : top + high, left : left + wide] = small
        return thumbnail

    def _check_levels(self) -> None:
        """Refuse a level that is no smaller copy of the slide: OpenSlide would read it at the mean of both scales."""
        for level, downsample in zip(self._slide.level_dimensions, self._slide.level_downsamples, strict=True):
            for side, whole in zip(level, self.size, strict=True):
                # levels are rounded to whole pixels
                if abs(side - whole / downsample) > 1 + MOST_ANISOTROPY * side:
                    raise PipelineError(
                        f"{self.path} has a level of {level[0]}×{level[1]} px, which is no smaller copy of its "
                        f"{self.size[0]}×{self.size[1]} px: write the slide anew or leave it out"
                    )

    def _base_scale(self, settings: Scale, arm: str) -> float:
        """Return level 0's µm/px such that a level within the tolerance of the tile scale is exactly at it."""
        scale = self.stated_microns_per_pixel or settings.assumed_microns_per_pixel
        if scale is None:
            raise PipelineError(
                f"{self.path} does not tell its µm/px: set "
                f"{arm_key(arm, 'collection.assumed_microns_per_pixel')} "
                "or leave the slide out"
            )
        wanted = settings.microns_per_pixel
        for downsample in self._slide.level_downsamples:
            if abs(scale * downsample / wanted - 1) <= settings.tolerance:
                return float(wanted / downsample)
        if scale > wanted and not settings.upsampling:
            raise PipelineError(
                f"{self.path} has {scale:.3g} µm/px, coarser than the {wanted:.3g} asked for: raise "
                f"{arm_key(arm, 'collection.microns_per_pixel')}, set upsampling or leave the slide out"
            )
        return float(scale)

    def _stated_scale(self) -> float | None:
        stated = (
            self._slide.properties.get(key) for key in (openslide.PROPERTY_NAME_MPP_X, openslide.PROPERTY_NAME_MPP_Y)
        )
        try:
            scales = [float(value) for value in stated if value]
        except ValueError:
            return None
        if not scales or min(scales) <= 0:
            return None
        least, most = POSSIBLE_MICRONS
        if not all(least <= scale <= most for scale in scales) or max(scales) > min(scales) * (1 + MOST_ANISOTROPY):
            stated_scales = " × ".join(f"{scale:g}" for scale in scales)
            raise PipelineError(f"{self.path} states {stated_scales} µm/px, which no scanner has: leave the slide out")
        return sum(scales) / len(scales)

    def _level(self, downsample: float, exact: float) -> tuple[int, float]:
        """Return the coarsest level that is fine enough, and how many of its pixels make one wanted pixel."""
        fine = [d for d in self._slide.level_downsamples if d <= downsample * (1 + exact)] or [1.0]
        return self._slide.level_downsamples.index(fine[-1]), downsample / fine[-1]

    def _read(self, x: int, y: int, level: int, wide: int, high: int) -> np.ndarray:
        try:
            region = np.asarray(self._slide.read_region((x, y), level, (wide, high)))
        except openslide.OpenSlideError as error:
            raise PipelineError(f"{self.path} is damaged near column {x}, row {y} ({error})") from error
        opaque = region[..., 3:]
        if opaque.min() == 255:
            return np.ascontiguousarray(region[..., :3])
        over_white = (region[..., :3].astype(np.uint16) * opaque + 255 * (255 - opaque.astype(np.uint16)) + 127) // 255
        return np.asarray(over_white, np.uint8)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text and 0 < float(text) < np.inf else None
    except ValueError:
        return None
