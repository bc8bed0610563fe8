"""The tiles of one slide and of a whole collection, with a reason where there are none."""

from pathlib import Path

import numpy as np
import pandas as pd
import shapely

from pipeline.errors import PipelineError
from pipeline.inventory import raw_file
from pipeline.params import SampleTiles, Slides, TissueMasks
from pipeline.slides.annotations import read_lesions
from pipeline.slides.masking import read_mask
from pipeline.slides.pictures import overlay
from pipeline.slides.reading import Slide
from pipeline.slides.tiles import COLUMNS, SLACK, candidates, draw_tiles, lesion_shares

STATUS_COLUMNS = ["name", "split", "label", "status", "tissue", "candidates", "tiles", "reason"]


def sample_collection(
    table: pd.DataFrame, root: Path, masks: Path, side: int, slides: Slides, settings: SampleTiles, arm: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the tiles of all slides.

    Args:
        table: The status table of the masks.
        root: The collection's folder.
        masks: The folder of the masks.
        side: Mask pixels to the side of a tile.
        slides: The collection's settings.
        settings: The arm's settings.
        arm: The arm, to name keys in errors.

    Returns:
        The tiles of all slides, and one row per slide: how many candidates and tiles, and why there are none.

    Raises:
        PipelineError: If an annotation cannot be read (before any work is done), or a split is left without
            normal or the test without abnormal tiles.
    """
    # All outlines first: a broken file is a matter for the user, and cheap to find.
    lesions = {row["name"]: slide_lesions(root, row["annotation"], settings, arm) for _, row in table.iterrows()}
    parts, counts = [pd.DataFrame(columns=COLUMNS)], []
    for _, row in table.iterrows():
        drawn, found, reason = parts[0], 0, row["reason"]
        if row["status"] == "ok":
            mask = read_mask(masks, row["name"])
            drawn, found = sample_slide(mask, row, lesions[row["name"]], side, slides, settings)
        if not found and not reason:
            reason = "no tile lies in a lesion" if row["label"] else "no tile has enough tissue"
        counts.append({**row[STATUS_COLUMNS[:5]], "reason": reason, "candidates": found, "tiles": len(drawn)})
        parts.append(drawn)
    tiles = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)[COLUMNS]
    for split, label in (("train", 0), ("test", 0), ("test", 1)):
        if not ((tiles["split"] == split) & (tiles["label"] == label)).any():
            kind = "tumour" if label else "normal"
            raise PipelineError(
                f"{arm}: no {kind} tile for {split}: lower sample_tiles.{arm}.least_tissue or least_lesion"
            )
    return tiles, pd.DataFrame(counts, columns=STATUS_COLUMNS)


def sample_slide(
    mask: np.ndarray, row: pd.Series, lesions: shapely.MultiPolygon, side: int, slides: Slides, settings: SampleTiles
) -> tuple[pd.DataFrame, int]:
    """Draw the tiles of a slide: tissue of a normal slide, lesion of a tumour slide.

    The normal tissue of tumour slides is left out, as in the paper.

    Args:
        mask: bool (rows, columns).
        row: The slide's row of the status table.
        lesions: Its lesions in level-0 pixels.
        side: Mask pixels to the side of a tile.
        slides: The collection's settings.
        settings: The arm's settings.

    Returns:
        The tiles (see :data:`pipeline.slides.tiles.COLUMNS`) and the number of candidates they are drawn from.
    """
    grid = candidates(mask, side, row["pixel"], settings)
    grid["lesion"] = 0.0
    if row["label"]:
        grid["lesion"] = lesion_shares(grid, side * row["pixel"], lesions)
        grid = grid[grid["lesion"] >= settings.least_lesion - SLACK].reset_index(drop=True)
    drawn = draw_tiles(grid, row["name"], settings)
    drawn = drawn.assign(
        slide=row["name"],
        path=row["path"],
        split=row["split"],
        label=row["label"],
        microns_per_pixel=slides.microns_per_pixel,
        tissue=drawn["tissue"].round(6),
        lesion=drawn["lesion"].round(6),
    )
    return drawn, len(grid)


def slide_lesions(root: Path, annotation: str, settings: SampleTiles, arm: str) -> shapely.MultiPolygon:
    """Return the lesions of a slide in level-0 pixels, empty for a normal slide."""
    if not annotation:
        return shapely.MultiPolygon()
    return read_lesions(raw_file(root, annotation), settings, arm).area


def overlay_slide(
    row: pd.Series,
    tiles: pd.DataFrame,
    root: Path,
    masks: Path,
    slides: Slides,
    tissue: TissueMasks,
    settings: SampleTiles,
    arm: str,
) -> np.ndarray:
    """Draw mask, lesions and tiles on a slide, uint8 RGB.

    Args:
        row: The slide's row of the status table.
        tiles: The tiles of all slides.
        root: The collection's folder.
        masks: The folder of the masks.
        slides: The collection's settings.
        tissue: The mask's settings.
        settings: The tiles' settings.
        arm: The arm, to name keys in errors.
    """
    with Slide(raw_file(root, row["path"]), slides, arm) as slide:
        thumbnail = slide.thumbnail(tissue.microns_per_pixel)
        extent = settings.tile_size * slide.pixels_per_tile_pixel
    own = tiles[tiles["slide"] == row["name"]]
    lesions = slide_lesions(root, row["annotation"], settings, arm)
    return overlay(thumbnail, read_mask(masks, row["name"]), lesions, own, extent, row["pixel"])
