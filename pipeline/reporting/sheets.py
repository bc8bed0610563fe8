"""Contact sheets: rows of images with a caption each, as one PNG small enough for git."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from pipeline.files import atomic

mpl.use("Agg")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG with the same bytes for the same content (no version or date inside)."""
    with atomic(path) as partial:
        figure.savefig(partial, dpi=100, metadata={"Software": None})


def contact_sheet(path: Path, title: str, rows: Mapping[str, Sequence[np.ndarray]], side: int = 128) -> None:
    """Write rows of images below each other.

    Args:
        path: The PNG to write.
        title: Stands above the sheet.
        rows: Caption to images, each uint8 (H, W), (H, W, 1) or (H, W, 3) of any size; rows may differ in
            length.
        side: Pixels that each image is given along its longer side.
    """
    columns = max((len(images) for images in rows.values()), default=0)
    figure = Figure(figsize=(max(columns, 3) * side / 100 + 0.2, len(rows) * (side / 100 + 0.28) + 0.4))
    grid = figure.subplots(max(len(rows), 1), max(columns, 1), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, (caption, images) in zip(grid, rows.items(), strict=False):
        row[0].set_title(caption, fontsize=8, loc="left")
        for axes, image in zip(row, images, strict=False):
            axes.imshow(_fit(image, side), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(pad=0.4)
    save_figure(figure, path)


def _fit(image: np.ndarray, side: int) -> np.ndarray:
    image = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    scale = side / max(image.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=method))
