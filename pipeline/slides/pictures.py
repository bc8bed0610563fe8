"""Pictures by which a person checks masks, outlines and tiles."""

import cv2
import numpy as np
import pandas as pd
import shapely

# Colours, RGB.
TISSUE = (0, 120, 255)
LESION = (220, 0, 0)
TILE = (0, 0, 0)
# Number of slides in a row of tiles before and after.
SHOWN = 4
# Longer side of a picture in pixels.
SIDE = 224


def shown_slides(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Choose slides to show, evenly from the list of those that have a mask.

    Args:
        table: Column ``status``.
        count: Largest number.

    Returns:
        Rows of ``table``.
    """
    able = table[table["status"] == "ok"]
    return able.iloc[np.unique(np.linspace(0, len(able) - 1, min(count, len(able))).round().astype(int))]


def overlay(
    thumbnail: np.ndarray,
    mask: np.ndarray,
    lesions: shapely.MultiPolygon,
    tiles: pd.DataFrame,
    extent: float,
    pixel: float,
) -> np.ndarray:
    """Draw the tissue's outline (blue), the lesions' (red) and the drawn tiles (black) on a slide.

    Args:
        thumbnail: uint8 RGB (rows, columns, 3).
        mask: bool (rows, columns).
        lesions: Tumour area in level-0 pixels; empty for a normal slide.
        tiles: Columns ``x`` and ``y`` in level-0 pixels.
        extent: Side of a tile in level-0 pixels.
        pixel: Level-0 pixels to the side of a mask pixel.

    Returns:
        uint8 RGB, its longer side :data:`SIDE` pixels.
    """
    scale = SIDE / max(mask.shape)
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    picture = cv2.resize(thumbnail, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    large = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    outlines, _ = cv2.findContours(large, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, TISSUE, 1)
    for x, y in zip(tiles["x"], tiles["y"], strict=True):
        corners = np.rint(np.array([x, y, x + extent, y + extent]) * scale / pixel).astype(int).tolist()
        cv2.rectangle(picture, corners[:2], corners[2:], TILE, 1)
    for polygon in lesions.geoms:
        for ring in (polygon.exterior, *polygon.interiors):
            points = np.rint(np.asarray(ring.coords) * scale / pixel).astype(np.int32)
            cv2.polylines(picture, [points], isClosed=True, color=LESION, thickness=1)
    return np.asarray(picture)


def before_and_after(tiles: pd.DataFrame, examples: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Arrange one tile of some normal and some tumour slides, before normalisation and after.

    Args:
        tiles: Columns ``slide`` and ``label``.
        examples: Slide to uint8 (2, side, side, 3), before and after.

    Returns:
        Caption to row of images.
    """
    rows = {}
    for kind, label in (("normal", 0), ("tumour", 1)):
        slides = [slide for slide in tiles.loc[tiles["label"] == label, "slide"].unique() if slide in examples]
        chosen = (
            [slides[i] for i in np.unique(np.linspace(0, len(slides) - 1, SHOWN).round().astype(int))] if slides else []
        )
        rows[f"{kind} before"] = [examples[slide][0] for slide in chosen]
        rows[f"{kind} after"] = [examples[slide][1] for slide in chosen]
    return rows
