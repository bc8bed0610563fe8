"""Opening a slide as a model knows slides, finding its tissue, and making tiles of it as the chain does."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide
import pandas as pd

from pipeline.data.slides.levels import check_levels
from pipeline.data.slides.normalize_job import tile_names
from pipeline.data.slides.preparation import Preparation
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.reasons import reason_of
from pipeline.data.slides.settings import Scale
from pipeline.data.slides.tiles import candidates
from pipeline.data.slides.tissue import NoTissueError, find_tissue
from pipeline.data.stain import Normalizer, TooLittleStainError
from pipeline.errors import PipelineError
from pipeline.scoring.views import Views

STAINED = 64  # tiles that teach the stains of a slide, where it has one matrix for all


def is_slide(path: Path, preparation: Preparation) -> bool:
    """Whether OpenSlide reads a file, whatever it is called, and it is more than one tile."""
    try:
        if openslide.OpenSlide.detect_format(path) is None:
            return False
        with openslide.OpenSlide(path) as slide:
            return bool(slide.level_count > 1 or slide.dimensions != (preparation.tile_size, preparation.tile_size))
    except (openslide.OpenSlideError, OSError):
        return True  # a damaged one says so when it is scored


def series_of(path: Path) -> tuple[Path, str]:
    """Return what the files of one slide in DICOM have in common; of any other, the file itself."""
    try:
        with openslide.OpenSlide(path) as slide:
            if slide.properties[openslide.PROPERTY_NAME_VENDOR] == "dicom":
                return path.parent, slide.properties[openslide.PROPERTY_NAME_QUICKHASH1]
    except (openslide.OpenSlideError, OSError, KeyError):
        pass  # a damaged one says so when it is scored
    return path, ""


@dataclass(frozen=True)
class Opening:
    """How slides are opened; travels to the worker processes.

    Attributes:
        preparation: The model's.
        microns_per_pixel: Of slides that do not state theirs; the collection that the model was fitted to may have
            assumed another.
    """

    preparation: Preparation
    microns_per_pixel: float | None

    def slide(self, path: Path) -> Slide:
        """Open a slide.

        Raises:
            PipelineError: If it cannot be opened, does not tell its scale, or is coarser than the model's slides.
        """
        scale = self.preparation.scale
        # What an arm's settings would allow or assume is checked here: nobody who has a model has those.
        assumed = {"assumed_microns_per_pixel": self.microns_per_pixel or scale.microns_per_pixel, "upsampling": True}
        slide = Slide(path, Scale.model_validate(scale.model_dump() | assumed), "")
        if reason := self._refusal(slide):
            slide.__exit__(None, None, None)
            raise PipelineError(f"{path} {reason}")
        return slide

    def _refusal(self, slide: Slide) -> str:
        scale = self.preparation.scale
        if slide.stated_microns_per_pixel is None and self.microns_per_pixel is None:
            return "does not tell its µm/px: give it by --microns-per-pixel"
        if slide.microns_per_pixel > scale.microns_per_pixel and not scale.upsampling:
            return f"has {slide.microns_per_pixel:.3g} µm/px, coarser than the model's {scale.microns_per_pixel:.3g}"
        return ""


@dataclass(frozen=True)
class Found:
    """What is to be scored of a slide.

    Attributes:
        tiles: ``slide`` (its name), ``x``, ``y``, ``tissue`` and the place in the grid, ``row`` and ``column``.
        shape: Rows and columns of the grid.
        tissue: All tissue of the slide, in tiles.
        views: How tiles are cut.
        normalizer: Of this slide's tiles.
    """

    tiles: pd.DataFrame
    shape: tuple[int, int]
    tissue: float
    views: Views
    normalizer: Normalizer


def find_tiles(slide: Slide, preparation: Preparation, name: str, side: int | None) -> Found:
    """Find the tiles of a slide that have enough tissue.

    Args:
        slide: The slide.
        preparation: The model's.
        name: The slide's, as the chain would call it: stains are learnt from pixels that are drawn by it.
        side: Of the detector's view in pixels; None for whole tiles.

    Raises:
        PipelineError: If there are none, or the slide's levels show different pictures.
        TooLittleStainError: If the slide's stains cannot be told apart.
    """
    pixel = preparation.tissue.microns_per_pixel / slide.microns_per_pixel
    count, working = preparation.mask_pixels, preparation.normalize_tiles.working_size
    thumbnail = slide.thumbnail(preparation.tissue.microns_per_pixel)
    try:
        mask = find_tissue(thumbnail, preparation.tissue).mask
    except NoTissueError as error:
        raise PipelineError(f"{slide.path} holds nothing to score: {error}") from error
    check_levels(slide, thumbnail, mask, pixel)
    tiles = candidates(mask, count, pixel, preparation.least_tissue).assign(slide=name)
    if not len(tiles):
        least = f"{preparation.least_tissue:.0%}"
        raise PipelineError(f"{slide.path} has tissue, but no tile of which {least} is tissue, as the model wants it")
    for place, corner in (("row", "y"), ("column", "x")):
        tiles[place] = np.rint(tiles[corner] / (count * pixel)).astype(int)
    taught = tiles.iloc[np.unique(np.linspace(0, len(tiles) - 1, STAINED).round().astype(int))]
    read = ((tile, slide.read(x, y, preparation.tile_size)) for tile, x, y in named_corners(taught))
    return Found(
        tiles,
        (mask.shape[0] // count, mask.shape[1] // count),
        float(mask.sum() / count**2),
        Views(count * pixel, working, side or working),
        preparation.normalizer().for_slide(read, len(taught)),
    )


def named_corners(tiles: pd.DataFrame) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each tile, by which the chain draws, and its corner."""
    yield from zip(tile_names(tiles), tiles["x"].tolist(), tiles["y"].tolist(), strict=True)


@dataclass(frozen=True)
class TilesJob:
    """Reads, normalises and shrinks tiles of one slide; travels to the worker processes."""

    path: Path
    opening: Opening
    normalizer: Normalizer

    def __call__(self, tiles: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, str]:
        """Make tiles.

        Returns:
            uint8 RGB (m, working_size, working_size, 3); which tiles these are, bool (n,), since those with too little
            stain are left out; and why the slide cannot be read any further, else empty.
        """
        preparation = self.opening.preparation
        images, kept = [], np.zeros(len(tiles), bool)
        reason = ""
        try:
            with self.opening.slide(self.path) as slide:
                for number, (tile, x, y) in enumerate(named_corners(tiles)):
                    pixels = slide.read(x, y, preparation.tile_size)
                    try:
                        normalized = self.normalizer.normalize(pixels, tile)
                    except TooLittleStainError:
                        continue
                    images.append(preparation.shrink(normalized))
                    kept[number] = True
        except Exception as error:
            reason = reason_of(error)
        side = preparation.normalize_tiles.working_size
        return (np.stack(images) if images else np.empty((0, side, side, 3), np.uint8)), kept, reason
