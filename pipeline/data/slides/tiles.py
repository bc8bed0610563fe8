"""The tile grid: which squares of a slide are candidates, and which are drawn."""

from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from pipeline.compute.seeding import generator
from pipeline.data.slides.settings import SampleTiles
from pipeline.files import read_csv

COLUMNS = ["slide", "path", "role", "group", "x", "y", "level", "microns_per_pixel", "tissue", "lesion"]
TEXTS = ("slide", "path", "role", "group", "reason")
# Shares are compared with this slack, so that nine ninths are one.
SLACK = 1e-9


def candidates(mask: np.ndarray, side: int, pixel: float, least_tissue: float) -> pd.DataFrame:
    """List the tiles of the grid with enough tissue. Tiles of a grid do not overlap.

    Args:
        mask: bool (rows, columns), True on tissue.
        side: Mask pixels to the side of a tile.
        pixel: Level-0 pixels to the side of a mask pixel.
        least_tissue: Share of a tile that must be tissue.

    Returns:
        ``x``, ``y`` (level-0 column and row of the upper left corner) and ``tissue`` (share), by y, then x.
    """
    shares = tissue_shares(mask, side)
    rows, columns = np.nonzero(shares >= least_tissue - SLACK)
    corner = side * pixel
    return pd.DataFrame(
        {
            "x": np.rint(columns * corner).astype(np.int64),
            "y": np.rint(rows * corner).astype(np.int64),
            "tissue": shares[rows, columns],
        }
    )


def tissue_shares(mask: np.ndarray, side: int) -> np.ndarray:
    """Return the share of tissue of every whole tile of the grid, float64 (rows // side, columns // side)."""
    rows, columns = mask.shape[0] // side, mask.shape[1] // side
    blocks = mask[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64))


def tissue_shares_at(mask: np.ndarray, tiles: pd.DataFrame, side: int, pixel: float) -> np.ndarray:
    """Return the share of tissue of tiles anywhere on a slide, float64 (len(tiles),), to whole mask pixels.

    Args:
        mask: bool (rows, columns), True on tissue.
        tiles: Columns ``x`` and ``y`` in level-0 pixels.
        side: Mask pixels to the side of a tile.
        pixel: Level-0 pixels to the side of a mask pixel.
    """
    rows, columns = np.rint(tiles["y"] / pixel).astype(int), np.rint(tiles["x"] / pixel).astype(int)
    shares = [mask[row : row + side, column : column + side].sum() for row, column in zip(rows, columns, strict=True)]
    return np.array(shares, np.float64) / side**2


def lesion_shares(tiles: pd.DataFrame, extent: float, lesions: shapely.MultiPolygon) -> np.ndarray:
    """Return the share of each tile's area that lies in a lesion.

    The released code averages the labels of mask pixels, where a mixture can pass for tumour; this is the area.

    Args:
        tiles: Columns ``x`` and ``y``.
        extent: Side of a tile in level-0 pixels.
        lesions: Tumour area in level-0 pixels.

    Returns:
        float64 (len(tiles),), exactly 1 for a tile wholly inside.
    """
    boxes = shapely.box(tiles["x"], tiles["y"], tiles["x"] + extent, tiles["y"] + extent)
    shapely.prepare(lesions)
    inside = shapely.covers(lesions, boxes)
    shares = inside.astype(np.float64)
    crossing = ~inside & shapely.intersects(lesions, boxes)
    shares[crossing] = shapely.area(shapely.intersection(lesions, boxes[crossing])) / extent**2
    return np.asarray(shares)


def draw_tiles(tiles: pd.DataFrame, slide: str, settings: SampleTiles) -> pd.DataFrame:
    """Draw a slide's tiles uniformly without replacement.

    The draw depends on the seed and the slide's name only, so that adding a slide changes no other slide's tiles.

    Args:
        tiles: The candidates of one slide.
        slide: Its name.
        settings: Seed and largest number of tiles.

    Returns:
        At most ``tiles_per_slide`` rows in the order of ``tiles``.
    """
    count = min(settings.tiles_per_slide, len(tiles))
    chosen = generator(settings.seed, "tiles", slide).choice(len(tiles), count, replace=False)
    return tiles.iloc[np.sort(chosen)].reset_index(drop=True)


def read_tiles(path: Path) -> pd.DataFrame:
    """Read a table of tiles, with a slide's rows together.

    Args:
        path: A CSV with :data:`COLUMNS`, and ``reason`` once tiles were normalised.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    tiles = read_csv(path, COLUMNS, TEXTS, "run `dvc repro` for the stage that writes it")
    return tiles.sort_values(["slide", "y", "x"], ignore_index=True)
