"""The tiles of one slide and of a whole collection, with a reason where there are none."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely

from pipeline.data.inventory import raw_file
from pipeline.data.slides.annotations import read_lesions
from pipeline.data.slides.masks import read_mask
from pipeline.data.slides.reasons import reason_of
from pipeline.data.slides.settings import SampleTiles, Slides
from pipeline.data.slides.slide_record import ROLES
from pipeline.data.slides.status import rows_of
from pipeline.data.slides.tile_lists import read_tile_lists
from pipeline.data.slides.tiles import COLUMNS, SLACK, candidates, draw_tiles, lesion_shares, tissue_shares_at
from pipeline.errors import PipelineError
from pipeline.layout import arm_key


@dataclass(frozen=True)
class Sampler:
    """Draws tiles; what the slides of a collection have in common.

    Attributes:
        root: The collection's folder.
        side: Mask pixels to the side of a tile.
        arm: Names keys in errors.
    """

    root: Path
    masks: Path
    side: int
    slides: Slides
    settings: SampleTiles
    arm: str

    def collection(self, status: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Draw the tiles of all slides, or take those of the lists.

        Args:
            status: The status table of the masks.

        Returns:
            The tiles, and the status table with ``candidates`` and ``tiles`` per slide. ``status`` becomes failed
            for a slide whose outlines cannot be used and empty for one without tiles, each with a ``reason``.

        Raises:
            PipelineError: If a list of tiles cannot be used, or a mask is missing.
        """
        key = arm_key(self.arm, "sample_tiles.tile_lists")
        listed = read_tile_lists(self.root, self.settings.tile_lists, key)
        self._check_listed(listed, status, key)
        parts, rows = [pd.DataFrame(columns=COLUMNS)], []
        for row in rows_of(status):
            if row["status"] == "ok":
                mask = read_mask(self.masks, row["name"])
                try:
                    tiles, changes = self.slide(row, mask, listed[listed["slide"] == row["name"]])
                    parts.append(tiles)
                except Exception as error:
                    changes = {"status": "failed", "reason": reason_of(error)}
                rows.append({**row, **changes})
            else:
                rows.append(row)
        tiles = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)[COLUMNS]
        columns = [*status.columns, "candidates", "tiles"]
        table = pd.DataFrame(rows, columns=columns).astype({"candidates": "Int64", "tiles": "Int64"})
        return tiles, table

    def slide(self, row: dict[str, Any], mask: np.ndarray, listed: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
        """Take the tiles of a slide: tissue of a normal slide, lesion of a tumour slide.

        The normal tissue of tumour slides is left out, as in the paper.

        Args:
            row: The slide's row of the status table.
            mask: bool (rows, columns), True on tissue.
            listed: Its tiles in the lists, taken as they are if the settings name lists.

        Returns:
            The tiles (see :data:`pipeline.data.slides.tiles.COLUMNS`), and what changes in the row.

        Raises:
            PipelineError: If the outlines cannot be read or lie outside the slide.
        """
        lesions, warnings = self._lesions(row)
        pixel = row["pixel"]
        if self.settings.tile_lists:
            grid = listed[["x", "y"]].assign(tissue=tissue_shares_at(mask, listed, self.side, pixel))
        else:
            grid = candidates(mask, self.side, pixel, self.settings.least_tissue)
        grid["lesion"] = 0.0
        if ROLES[row["role"]][1]:
            grid["lesion"] = lesion_shares(grid, self.side * pixel, lesions)
        if self.settings.tile_lists:
            drawn, reason = grid, "no tile of the slide is in the lists"
            poor = (grid["tissue"] < self.settings.least_tissue - SLACK).sum()
            if ROLES[row["role"]][1]:
                poor += (grid["lesion"] < self.settings.least_lesion - SLACK).sum()
            if poor:
                poorer = f"{poor} listed tiles have less tissue or lesion than drawn ones would"
                warnings = "; ".join(filter(None, (warnings, poorer)))
        else:
            reason = self._none_drawn(grid)
            if ROLES[row["role"]][1]:
                grid = grid[grid["lesion"] >= self.settings.least_lesion - SLACK].reset_index(drop=True)
            drawn = draw_tiles(grid, row["name"], self.settings)
        drawn = drawn.assign(
            slide=row["name"],
            path=row["path"],
            role=row["role"],
            group=row["group"],
            level=row["level"],
            microns_per_pixel=self.slides.microns_per_pixel,
            tissue=drawn["tissue"].round(6),
            lesion=drawn["lesion"].round(6),
        )
        empty = {} if len(drawn) else {"status": "empty", "reason": reason}
        return drawn, {"candidates": len(grid), "tiles": len(drawn), "warnings": warnings, **empty}

    def _none_drawn(self, grid: pd.DataFrame) -> str:
        """Say why none of the tiles with enough tissue would be drawn."""
        if not len(grid):
            return "no tile has enough tissue"
        best = math.floor(grid["lesion"].max() * 1000) / 1000  # rounded down, so that it stays below what is asked for
        if not best:
            return "no tile with enough tissue lies in a lesion"
        return (
            f"no tile has enough lesion: the best share is {best:g}, "
            f"{arm_key(self.arm, 'sample_tiles.least_lesion')} asks for {self.settings.least_lesion:g}"
        )

    def _lesions(self, row: dict[str, Any]) -> tuple[shapely.MultiPolygon, str]:
        """Return a slide's lesions, empty for a normal slide, and the warnings with those about its outlines."""
        if not row["annotation"]:
            return shapely.MultiPolygon(), row["warnings"]
        lesions = read_lesions(raw_file(self.root, row["annotation"]), self.settings, self.arm)
        whole = shapely.box(0, 0, row["width"], row["height"])
        if not lesions.area.intersects(whole):
            raise PipelineError(
                f"{self.root / row['annotation']} outlines nothing on {row['path']}: is it another slide's?"
            )
        doubts = {
            row["warnings"]: bool(row["warnings"]),
            "outlines reach beyond the slide": not whole.covers(lesions.area),
            f"{lesions.ignored} outlines of other groups or without an area": lesions.ignored > 0,
        }
        return lesions.area, "; ".join(text for text, holds in doubts.items() if holds)

    def _check_listed(self, listed: pd.DataFrame, status: pd.DataFrame, key: str) -> None:
        slides = {row["name"]: row for row in rows_of(status)}
        for tile in rows_of(listed):
            where = f"{key}: the tile of {tile['slide']} at column {tile['x']}, row {tile['y']}"
            slide = slides.get(tile["slide"])
            if slide is None:
                raise PipelineError(f"{where} is of no slide of the collection {self.root}")
            if slide["status"] != "ok":
                continue
            extent = round(self.side * slide["pixel"])
            if tile["size"] != extent:
                raise PipelineError(f"{where} has {tile['size']} px, but tiles of that slide have {extent}")
            if tile["x"] + extent > slide["width"] or tile["y"] + extent > slide["height"]:
                raise PipelineError(f"{where} ends outside the slide ({slide['width']}×{slide['height']} px)")
            if tile["label"] != ROLES[slide["role"]][1]:
                raise PipelineError(f"{where} contradicts the slide's role {slide['role']}")


def check_roles(tiles: pd.DataFrame, status: pd.DataFrame, arm: str, where: Path) -> None:
    """Check that there are tiles to train on and of both kinds to test on.

    Args:
        tiles: Those of all slides.
        status: The status table, which says why slides gave none.
        arm: Names keys in errors.
        where: Where that table lies.

    Raises:
        PipelineError: Naming the first role without tiles, and why its first slide gave none.
    """
    for role in ("train", "test_normal", "test_tumour"):
        if role not in set(tiles["role"]):
            own = status[status["role"] == role]
            first = f" (the first, {own['name'].iloc[0]}: {own['reason'].iloc[0]})" if len(own) else ""
            raise PipelineError(
                f"{arm}: no slide of role {role} gave a tile, for the reasons in {where}{first}: correct slides, "
                f"outlines or lists, or change sample_tiles.{arm}"
            )
