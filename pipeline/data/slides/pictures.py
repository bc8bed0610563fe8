"""Pictures by which a person checks masks, outlines, tiles and colours."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import shapely

from pipeline.data.inventory import raw_file
from pipeline.data.slides.annotations import read_lesions
from pipeline.data.slides.masks import read_mask, read_thumbnail, thumbnail_file
from pipeline.data.slides.prepared_arm import shown_slides
from pipeline.data.slides.settings import SampleTiles
from pipeline.data.slides.status import rows_of
from pipeline.errors import PipelineError
from pipeline.files import write_picture

# Colours, RGB.
TISSUE = (0, 120, 255)
LESION = (220, 0, 0)
TILE = (0, 0, 0)
# Longer side in pixels of a slide's own picture, and of one on a contact sheet.
SIDE = 1024
SMALL = 224


@dataclass(frozen=True)
class SlidePictures:
    """Draws slides with what was found on them.

    Attributes:
        root: The collection's folder.
        masks: The folder of masks and thumbnails.
        tiles: The tiles of all slides.
        arm: Names keys in errors.
    """

    root: Path
    masks: Path
    tiles: pd.DataFrame
    settings: SampleTiles
    arm: str

    def draw(self, row: dict[str, Any], side: int) -> np.ndarray:
        """Draw mask, lesions and tiles of one slide.

        Args:
            row: Its row of the status table; it must have a thumbnail.
            side: Longer side of the picture in pixels.

        Returns:
            uint8 RGB; the thumbnail alone for a slide without a mask.
        """
        thumbnail = read_thumbnail(self.masks, row["name"])
        mask = np.zeros(thumbnail.shape[:2], bool)
        if (self.masks / f"{row['name']}.png").is_file():
            mask = read_mask(self.masks, row["name"])
        own = self.tiles[self.tiles["slide"] == row["name"]]
        extent = self.settings.tile_size * row["extent"]
        return overlay(thumbnail, mask, self._lesions(row), own, extent, row["pixel"], side)

    def write_all(self, status: pd.DataFrame, folder: Path) -> int:
        """Write ``<name>.jpg`` for every slide that could be opened.

        Args:
            folder: Where the pictures go.

        Returns:
            Their number.
        """
        rows = [row for row in rows_of(status) if thumbnail_file(self.masks, row["name"]).is_file()]
        for row in rows:
            write_picture(folder / f"{row['name']}.jpg", self.draw(row, SIDE))
        return len(rows)

    def examples(self, status: pd.DataFrame) -> dict[str, list[np.ndarray]]:
        """Draw some slides of each role that gave tiles, small; caption to row of pictures."""
        rows = {}
        slides = {row["name"]: row for row in rows_of(status)}
        for role, own in self.tiles.groupby("role", sort=False):
            names = shown_slides(own)
            rows[f"{role}: {', '.join(names)}"] = [self.draw(slides[name], SMALL) for name in names]
        return rows

    def _lesions(self, row: dict[str, Any]) -> shapely.MultiPolygon:
        if not row["annotation"]:
            return shapely.MultiPolygon()
        try:
            return read_lesions(raw_file(self.root, row["annotation"]), self.settings, self.arm).area
        except PipelineError:
            return shapely.MultiPolygon()  # the status table says why


def overlay(
    thumbnail: np.ndarray,
    mask: np.ndarray,
    lesions: shapely.MultiPolygon,
    tiles: pd.DataFrame,
    extent: float,
    pixel: float,
    side: int,
) -> np.ndarray:
    """Draw the tissue's outline (blue), the lesions' (red) and the drawn tiles (black) on a slide.

    Args:
        thumbnail: uint8 RGB (rows, columns, 3).
        mask: bool (rows, columns).
        lesions: Tumour area in level-0 pixels; empty for a normal slide.
        tiles: Columns ``x`` and ``y`` in level-0 pixels.
        extent: Side of a tile in level-0 pixels.
        pixel: Level-0 pixels to the side of a mask pixel.
        side: Longer side of the picture in pixels.

    Returns:
        uint8 RGB.
    """
    scale = side / max(mask.shape)
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


def before_and_after(tiles: pd.DataFrame, normalized: Path) -> dict[str, list[np.ndarray]]:
    """Arrange the tiles that were kept as examples, before normalisation and after.

    Args:
        tiles: Columns ``slide``, ``role`` and ``reason``.
        normalized: The folder with ``before/`` and ``after/``.

    Returns:
        Caption to row of images, uint8 RGB.
    """
    rows = {}
    for role, own in tiles[tiles["reason"] == ""].groupby("role", sort=False):
        for when in ("before", "after"):
            files = [normalized / when / f"{slide}.png" for slide in shown_slides(own)]
            rows[f"{role}, {when}"] = [np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)) for file in files]
    return rows
