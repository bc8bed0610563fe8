"""The mask of one slide, from file to file, with a status that says why there is none."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from pipeline.errors import PipelineError
from pipeline.files import write_png
from pipeline.inventory import raw_file
from pipeline.params import Slides, TissueMasks
from pipeline.slides.collection import SlideRecord
from pipeline.slides.reading import Slide
from pipeline.slides.tissue import NoTissueError, find_tissue

# A stage fails if more than this share of its slides (or tiles) failed: a few bad files are normal in a large
# collection, more mean that something is wrong with all of it.
ALLOWED_FAILURES = 0.1
# Columns of the status table. ``pixel`` is the side of a mask pixel in level-0 pixels.
TEXTS = ("name", "path", "split", "annotation", "status", "reason")
FACTS = ["width", "height", "threshold", "tissue", "pixel"]
COLUMNS = ["name", "path", "split", "label", "annotation", "status", "reason", *FACTS]


def mask_slide(
    record: SlideRecord, root: Path, folder: Path, slides: Slides, tissue: TissueMasks, arm: str
) -> dict[str, Any]:
    """Write the tissue mask of a slide as ``<name>.png`` (255 on tissue).

    Args:
        record: The slide.
        root: The collection's folder.
        folder: Where the mask goes.
        slides: The collection's settings.
        tissue: The mask's settings.
        arm: The arm, to name keys in errors.

    Returns:
        A row of the status table. ``status`` is ok or failed, with ``reason``; ``tissue`` is the share of tissue,
        ``pixel`` the side of a mask pixel in level-0 pixels.
    """
    row: dict[str, Any] = {**vars(record), "status": "failed", "reason": ""}
    try:
        with Slide(raw_file(root, record.path), slides, arm) as slide:
            found = find_tissue(slide.thumbnail(tissue.microns_per_pixel), tissue)
            row["width"], row["height"] = slide.size
            row["pixel"] = tissue.microns_per_pixel / slide.microns_per_pixel
    except (PipelineError, NoTissueError) as error:
        return row | {"reason": str(error)}
    write_png(folder / f"{record.name}.png", found.mask.astype(np.uint8) * 255)
    return row | {"status": "ok", "threshold": found.threshold, "tissue": round(float(found.mask.mean()), 6)}


def read_mask(folder: Path, name: str) -> np.ndarray:
    """Read a mask that :func:`mask_slide` wrote, bool (rows, columns).

    Raises:
        PipelineError: If it is missing or damaged.
    """
    mask = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise PipelineError(f"{folder / name}.png cannot be read: run the stage tissue_masks again")
    return np.asarray(mask > 0)


def read_status(folder: Path) -> pd.DataFrame:
    """Read the status table of the masks, one row per slide.

    Raises:
        PipelineError: If it is missing.
    """
    path = folder / "slides.csv"
    if not path.is_file():
        raise PipelineError(f"{path} is missing: run the stage tissue_masks")
    return pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str)).fillna(dict.fromkeys(TEXTS, ""))


def check_failures(reasons: pd.Series, where: str) -> None:
    """Check that not too many slides or tiles failed.

    Args:
        reasons: The reason of each failed one, an empty text for the others.
        where: What to name in the error.

    Raises:
        PipelineError: If more than the allowed share failed; it gives their number and the first reason.
    """
    failed = reasons[reasons != ""]
    if len(failed) > ALLOWED_FAILURES * len(reasons):
        raise PipelineError(
            f"{where}: {len(failed)} of {len(reasons)} failed, more than {ALLOWED_FAILURES:.0%}; "
            f"the first reason is: {failed.iloc[0]}"
        )
