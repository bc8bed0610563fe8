"""Contact sheets: rows of images with a caption each, as one PNG small enough for git."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from pipeline.files import atomic

mpl.use("Agg")

# Geometry of a contact sheet in pixels.
DPI = 100
GAP = 5
TITLE = 28
CAPTION = 22
NOTE = 12
MIN_COLUMNS = 3
COLOURS = 256  # of a sheet, which make it a third as large as all colours do


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG with the same bytes for the same content (no version or date inside)."""
    with atomic(path) as partial:
        figure.savefig(partial, dpi=DPI, metadata={"Software": None})


def contact_sheet(
    path: Path,
    title: str,
    rows: Mapping[str, Sequence[np.ndarray]],
    side: int = 128,
    notes: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write rows of images below each other.

    Args:
        path: The PNG to write.
        title: Stands above the sheet.
        rows: Caption to images, each uint8 (H, W), (H, W, 1) or (H, W, 3) of any size; rows may differ in
            length.
        side: Pixels that each image is given along its longer side.
        notes: Caption to a few words below each image, for the rows that have them.
    """
    notes = notes or {}
    columns = max([MIN_COLUMNS, *(len(images) for images in rows.values())])
    heights = [
        CAPTION + (side if images else 0) + (NOTE if caption in notes else 0) for caption, images in rows.items()
    ]
    width, height = columns * (side + GAP) + GAP, TITLE + sum(heights)
    figure = Figure(figsize=(width / DPI, height / DPI))
    figure.text(0.5, 1 - TITLE / 2 / height, title, ha="center", va="center", fontsize=10, parse_math=False)
    top = TITLE
    for (caption, images), room in zip(rows.items(), heights, strict=True):
        figure.text(GAP / width, 1 - (top + CAPTION - GAP) / height, caption, fontsize=8, va="bottom", parse_math=False)
        for c, image in enumerate(images):
            left, bottom = GAP + c * (side + GAP), height - top - CAPTION - side
            axes = figure.add_axes((left / width, bottom / height, side / width, side / height))
            axes.set_axis_off()
            axes.imshow(_fit(image, side), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            if caption in notes:
                figure.text(
                    left / width, (bottom - 1) / height, notes[caption][c], fontsize=6, va="top", parse_math=False
                )
        top += room
    _save_sheet(figure, path)


def _save_sheet(figure: Figure, path: Path) -> None:
    """Write a sheet as PNG with colours chosen so that none is far off, however rare it is."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI)
    with Image.open(drawn) as sheet, atomic(path) as partial:
        palette = sheet.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        palette.save(partial, "PNG", optimize=True)


def _fit(image: np.ndarray, side: int) -> np.ndarray:
    image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    scale = side / max(image.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=method))
