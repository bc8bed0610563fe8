"""What the contact sheet of an X-ray arm shows: some images as they are filed and as they are prepared."""

from pathlib import Path

import numpy as np

from pipeline.images import Images
from pipeline.inventory import raw_file
from pipeline.params.xrays import EqualizeXrays
from pipeline.xrays.images import read_gray, thumbnail


def before_and_after(
    prepared: Images, root: Path, settings: EqualizeXrays, count: int = 8
) -> dict[str, list[np.ndarray]]:
    """Choose images evenly among the normal training and the abnormal test images.

    Args:
        prepared: The arm's prepared images.
        root: The collection's folder.
        settings: The arm's section.
        count: Images a row, or as many as there are.

    Returns:
        Caption to images: for normal and abnormal a row of thumbnails, uint8 (thumbnail_size,
        thumbnail_size), and below it a row of the prepared images, uint8 (working_size, working_size, 1).
    """
    sheet: dict[str, list[np.ndarray]] = {}
    for name, rows in (("normal", prepared.rows("train", 0)), ("abnormal", prepared.rows("test", 1))):
        chosen = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]
        sources = [raw_file(root, prepared.index["source"].iloc[row]) for row in chosen]
        sheet[f"{name}, thumbnail of {settings.thumbnail_size} px"] = [
            np.asarray(thumbnail(read_gray(source), settings.thumbnail_size)) for source in sources
        ]
        sheet[f"{name}, prepared at {settings.working_size} px"] = [prepared.pixels[row] for row in chosen]
    return sheet
