"""The masks of a collection, from file to file, with a status that says why there is none."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.data.inventory import raw_file
from pipeline.data.slides.levels import check_levels
from pipeline.data.slides.quality import black_share, blurredness, pen_share, warnings
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.reasons import reason_of
from pipeline.data.slides.settings import Slides, TissueMasks
from pipeline.data.slides.slide_record import SlideRecord
from pipeline.data.slides.status import TEXTS
from pipeline.data.slides.tissue import NoTissueError, find_tissue
from pipeline.errors import PipelineError
from pipeline.files import atomic, write_csv, write_picture

# What the status table says of a slide's file: ``scale`` is the µm/px that it states, ``level`` the one that tiles are
# read from, ``pixel`` the side of a mask pixel and ``extent`` that of a tile's pixel, both in level-0 pixels.
NUMBERS = ("width", "height", "level", "threshold")
MEASURES = ("scale", "extent", "pixel", "tissue", "pen", "black", "blur")
COLUMNS = [*TEXTS, *NUMBERS, *MEASURES]


@dataclass(frozen=True)
class MaskJob:
    """Finds the tissue of one slide; travels to the worker processes.

    Attributes:
        root: The collection's folder.
        arm: Names keys in errors.
    """

    root: Path
    slides: Slides
    tissue: TissueMasks
    arm: str

    def __call__(self, record: SlideRecord, part: Path) -> int:
        """Write a part: the slide's ``row`` of the status table (JSON), ``thumbnail`` and, if it is ok, ``mask``.

        Returns:
            1, the number of slides.
        """
        row: dict[str, Any] = {
            **{name: getattr(record, name) for name in ("name", "path", "role", "annotation", "group")},
            "status": "failed",
        }
        arrays: dict[str, Any] = {"failed": False}
        try:
            with Slide(raw_file(self.root, record.path), self.slides, self.arm) as slide:
                row |= self._geometry(slide)
                arrays["thumbnail"] = slide.thumbnail(self.tissue.microns_per_pixel)
                tissue = find_tissue(arrays["thumbnail"], self.tissue)
                row |= self._measures(slide, arrays["thumbnail"], tissue.mask, record.name)
            arrays["mask"] = tissue.mask
            row |= {"status": "ok", "threshold": tissue.threshold}
        except NoTissueError as error:
            row["reason"] = str(error)
        except Exception as error:
            row["reason"] = reason_of(error)
            arrays["failed"] = True
        with atomic(part) as unfinished:
            np.savez(unfinished, row=json.dumps(row), **arrays)
        return 1

    def _geometry(self, slide: Slide) -> dict[str, Any]:
        return {
            "width": slide.size[0],
            "height": slide.size[1],
            "level": slide.tile_level,
            "scale": round(slide.stated_microns_per_pixel or self.slides.assumed_microns_per_pixel or 0, 6),
            "extent": slide.pixels_per_tile_pixel,
            "pixel": self.tissue.microns_per_pixel / slide.microns_per_pixel,
        }

    def _measures(self, slide: Slide, thumbnail: np.ndarray, mask: np.ndarray, name: str) -> dict[str, Any]:
        pixel = self.tissue.microns_per_pixel / slide.microns_per_pixel
        check_levels(slide, thumbnail, mask, pixel)
        measures = {
            "tissue": round(float(mask.mean()), 6),
            "pen": round(pen_share(thumbnail, mask), 6),
            "black": round(black_share(thumbnail), 6),
            "blur": round(blurredness(slide, mask, pixel, name, self.slides.seed), 6),
        }
        assumed = slide.stated_microns_per_pixel is None
        return {**measures, "warnings": warnings(warn=self.tissue.warn, assumed_scale=assumed, **measures)}


def join_masks(folder: Path, parts: Sequence[Path], unused: Sequence[SlideRecord]) -> pd.DataFrame:
    """Write masks (``<name>.png``, 255 on tissue), thumbnails (below ``thumbnails/``) and the status table.

    Args:
        folder: Where they go, replaced as a whole.
        parts: What :class:`MaskJob` wrote.
        unused: The slides that are not used; they get a row, too.

    Returns:
        The status table, sorted by name: ``status`` is ok, failed or unused, the last two with a ``reason``.
    """
    rows = [{**vars(record), "status": "unused", "reason": record.unused, "warnings": ""} for record in unused]
    with atomic(folder) as unfinished:
        unfinished.mkdir()
        for part in parts:
            with np.load(part, allow_pickle=False) as content:
                row = dict.fromkeys(TEXTS, "") | json.loads(str(content["row"]))
                rows.append(row)
                if "thumbnail" in content:
                    write_picture(thumbnail_file(unfinished, row["name"]), content["thumbnail"])
                if "mask" in content:
                    write_picture(unfinished / f"{row['name']}.png", content["mask"].astype(np.uint8) * 255)
        table = pd.DataFrame(rows, columns=COLUMNS).sort_values("name", ignore_index=True)
        table = table.astype(dict.fromkeys(NUMBERS, "Int64"))
        write_csv(unfinished / "status.csv", table)
    return table


def read_mask(folder: Path, name: str) -> np.ndarray:
    """Read a mask, bool (rows, columns).

    Raises:
        PipelineError: If it is missing or damaged.
    """
    mask = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise PipelineError(f"{folder / name}.png cannot be read: run the stage tissue_masks again")
    return np.asarray(mask > 0)


def thumbnail_file(folder: Path, name: str) -> Path:
    """Return where a slide's thumbnail lies in the folder of masks."""
    return folder / "thumbnails" / f"{name}.png"


def read_thumbnail(folder: Path, name: str) -> np.ndarray:
    """Read a thumbnail, uint8 RGB (rows, columns, 3).

    Raises:
        PipelineError: If it is missing or damaged.
    """
    file = thumbnail_file(folder, name)
    picture = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise PipelineError(f"{file} cannot be read: run the stage tissue_masks again")
    return np.asarray(picture)
