"""Contact sheets: rows of images with a caption each, as one PNG small enough for git."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
    sheet = np.full((height, width, 3), 255, np.uint8)
    figure = Figure(figsize=(width / DPI, height / DPI))

    def write(x: float, y: float, text: str, size: int, **place: Any) -> None:
        figure.text(x / width, 1 - y / height, text, fontsize=size, parse_math=False, **place)

    write(width / 2, TITLE / 2, title, 10, ha="center", va="center")
    top = TITLE
    for (caption, images), room in zip(rows.items(), heights, strict=True):
        write(GAP, top + CAPTION - GAP, caption, 8, va="bottom")
        for column, image in enumerate(images):
            left, below = GAP + column * (side + GAP), top + CAPTION + side
            _paste(sheet[below - side : below, left : left + side], _fit(image, side))
            if caption in notes:
                write(left, below + 1, notes[caption][column], 6, va="top")
        top += room
    figure.figimage(sheet)  # one picture: an axes for each image takes a second a sheet
    _save_sheet(figure, path)


def _paste(room: np.ndarray, image: np.ndarray) -> None:
    """Put an image into the middle of its room."""
    height, width = image.shape[:2]
    top, left = (room.shape[0] - height) // 2, (room.shape[1] - width) // 2
    room[top : top + height, left : left + width] = image if image.ndim == 3 else image[..., None]


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
