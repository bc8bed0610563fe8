"""From drawn tiles to the prepared array: read, normalise, shrink."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from pipeline.errors import PipelineError
from pipeline.images import write_images
from pipeline.inventory import raw_file
from pipeline.params import NormalizeTiles, Slides
from pipeline.slides.masking import check_failures
from pipeline.slides.reading import Slide
from pipeline.slides.stain import Normalizer, TooLittleStainError, make_normalizer
from pipeline.slides.tiles import COLUMNS
from pipeline.workers import process_all

PART = 256


@dataclass(frozen=True)
class NormalizedSlide:
    """The tiles of one slide.

    Attributes:
        images: uint8 RGB (n, side, side, 3), the normalised tiles at working size.
        kept: Their rows in the slide's table of tiles.
        reasons: Row to reason of the tiles left out.
        example: The first kept tile before normalisation, at working size; None if there is none.
    """

    images: np.ndarray
    kept: list[int]
    reasons: dict[int, str]
    example: np.ndarray | None


def read_tiles(path: Path) -> pd.DataFrame:
    """Read the table of tiles.

    Raises:
        PipelineError: If it is missing or has other columns.
    """
    if not path.is_file():
        raise PipelineError(f"{path} is missing: run the stage sample_tiles")
    tiles = pd.read_csv(path, dtype={"slide": str, "path": str})
    if list(tiles.columns) != COLUMNS:
        raise PipelineError(f"{path}: expected the columns {', '.join(COLUMNS)}; run the stage sample_tiles again")
    return tiles.sort_values(["slide", "y", "x"], ignore_index=True)


def target_normalizer(root: Path, slides: Slides, settings: NormalizeTiles, arm: str) -> Normalizer:
    """Read the target region and learn its stains.

    Args:
        root: The collection's folder.
        slides: The collection's settings.
        settings: The arm's settings.
        arm: The arm, to name keys in errors.

    Returns:
        The normaliser.

    Raises:
        PipelineError: If the region leaves the slide or shows too little stain.
    """
    target, key = settings.target, f"normalize_tiles.{arm}.target"
    if settings.method == "none":
        return make_normalizer(np.empty((0, 0, 3), np.uint8), settings)
    with Slide(raw_file(root, target.slide), slides, arm) as slide:
        extent = target.size * slide.pixels_per_tile_pixel
        if target.x + extent > slide.size[0] + 1 or target.y + extent > slide.size[1] + 1:
            wide, high = slide.size
            raise PipelineError(f"{key} ends outside {target.slide} ({wide}×{high} px): choose a region inside it")
        region = slide.read(target.x, target.y, target.size)
    try:
        # One thread, as in the processes: sums over pixels must not depend on the number of cores.
        with threadpool_limits(1):
            return make_normalizer(region, settings)
    except TooLittleStainError as error:
        raise PipelineError(f"{key}: {error}; choose a well stained region") from error


def prepare_tiles(
    tiles: pd.DataFrame, folder: Path, job: Callable[[pd.DataFrame], NormalizedSlide], workers: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Normalise all tiles and write the prepared array.

    Which tiles are left out is known only at the end, so the images wait in a scratch file, not in memory.

    Args:
        tiles: The table of tiles, a slide's rows together.
        folder: Where the prepared array goes.
        job: :func:`normalize_slide` with everything but the tiles.
        workers: Number of processes.

    Returns:
        ``tiles`` with the column ``reason``, empty for the kept ones; and by slide a picture of its first tile
        before and after, uint8 (2, side, side, 3).

    Raises:
        PipelineError: If more than the allowed share of tiles was left out.
    """
    slides = [group.reset_index(drop=True) for _, group in tiles.groupby("slide", sort=False)]
    reasons: list[str] = []
    examples: dict[str, np.ndarray] = {}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder.parent) as scratch:
        shape: tuple[int, ...] = ()
        for own, result in zip(slides, process_all(job, slides, workers, "stain normalisation"), strict=True):
            result.images.tofile(scratch)
            shape = result.images.shape[1:]
            reasons += [result.reasons.get(row, "") for row in range(len(own))]
            if result.example is not None:
                examples[own["slide"].iloc[0]] = np.stack([result.example, result.images[0]])
        tiles = tiles.assign(reason=reasons)
        check_failures(tiles["reason"], str(folder))
        scratch.flush()
        index = tile_index(tiles[tiles["reason"] == ""])
        images = np.memmap(scratch, np.uint8, "r", shape=(len(index), *shape))
        write_images(folder, _parts(images), index)
    return tiles, examples


def _parts(images: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(images), PART):
        yield images[start : start + PART]


def normalize_slide(
    tiles: pd.DataFrame,
    root: Path,
    slides: Slides,
    arm: str,
    sizes: tuple[int, int],
    normalizer: Normalizer,
) -> NormalizedSlide:
    """Read, normalise and shrink the tiles of one slide.

    Args:
        tiles: The slide's tiles, columns ``slide``, ``path``, ``x`` and ``y``.
        root: The collection's folder.
        slides: The collection's settings.
        arm: The arm, to name keys in errors.
        sizes: Side of a tile at the tile scale and, a divisor of it, of the prepared image, in pixels.
        normalizer: Gives the tiles the target's stains.

    Returns:
        The images, and why tiles were left out.
    """
    tile_size, working_size = sizes
    images, kept, reasons, example = [], [], {}, None
    try:
        with Slide(raw_file(root, tiles["path"].iloc[0]), slides, arm) as slide:
            for row, (name, x, y) in enumerate(zip(tiles["slide"], tiles["x"], tiles["y"], strict=True)):
                try:
                    before = slide.read(x, y, tile_size)
                    after = normalizer.normalize(before, f"{name} {x} {y}")
                except TooLittleStainError as error:
                    reasons[row] = str(error)
                    continue
                images.append(shrink(after, working_size))
                kept.append(row)
                example = shrink(before, working_size) if example is None else example
    except PipelineError as error:
        # A damaged slide cannot be read any further.
        reasons |= {row: str(error) for row in range(len(tiles)) if row not in kept and row not in reasons}
    stacked = np.stack(images) if images else np.empty((0, working_size, working_size, 3), np.uint8)
    return NormalizedSlide(stacked, kept, reasons, example)


def tile_index(tiles: pd.DataFrame) -> pd.DataFrame:
    """Return the index of the array contract for the kept tiles (see :class:`pipeline.images.Images`)."""
    places = [f"{tile.slide}_x{tile.x}_y{tile.y}" for tile in tiles.itertuples()]
    return pd.DataFrame(
        {
            "id": places,
            "split": tiles["split"].to_numpy(),
            "label": tiles["label"].to_numpy(),
            "findings": np.where(tiles["label"] == 1, "tumour", ""),
            "group": tiles["slide"].to_numpy(),
            "source": tiles["path"].to_numpy(),
            "x": tiles["x"].to_numpy(),
            "y": tiles["y"].to_numpy(),
        }
    )


def count_tiles(tiles: pd.DataFrame) -> pd.DataFrame:
    """Count tiles and slides by split and label; left out ones are counted apart, with their reason."""
    counted = tiles.groupby(["split", "label", "reason"])["slide"].agg(images="size", groups="nunique").reset_index()
    return counted.rename(columns={"reason": "left_out"})


def shrink(tile: np.ndarray, side: int) -> np.ndarray:
    """Average a square tile down to ``side`` pixels."""
    return np.asarray(cv2.resize(tile, (side, side), interpolation=cv2.INTER_AREA))
