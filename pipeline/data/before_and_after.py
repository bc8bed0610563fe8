"""What the contact sheet of an arm of X-rays or folders shows: some images as thumbnails and as they are prepared."""

import numpy as np
import pandas as pd

from pipeline.data.images import Images
from pipeline.data.thumbnails import Thumbnails


def before_and_after(
    prepared: Images, status: pd.DataFrame, thumbnails: Thumbnails, count: int = 8
) -> dict[str, list[np.ndarray]]:
    """Choose images evenly among the normal training and the abnormal test images.

    Args:
        status: What :func:`pipeline.data.image_status.image_status` returns.
        thumbnails: Those of the collection.
        count: Images a row, or as many as there are.

    Returns:
        Caption to images: for normal and abnormal a row of thumbnails, uint8 (thumbnail_size, thumbnail_size), in
        colour with 3 channels, and below it a row of the prepared images, uint8 (working_size, working_size, 1 or 3).
    """
    row_of = dict(zip(status["id"], status["row"], strict=True))
    sheet: dict[str, list[np.ndarray]] = {}
    for name, rows in (("normal", prepared.rows("train", 0)), ("abnormal", prepared.rows("test", 1))):
        chosen = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)]
        small = thumbnails.read([row_of[prepared.index["id"].iloc[row]] for row in chosen])
        sheet[f"{name}, thumbnail of {thumbnails.size} px"] = list(small)
        sheet[f"{name}, prepared at {prepared.pixels.shape[1]} px"] = [prepared.pixels[row] for row in chosen]
    return sheet
