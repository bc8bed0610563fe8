"""All X-rays of an arm, from their thumbnails to the prepared array."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.data.image_status import IN_COLOUR, check_failures, image_status, index_of
from pipeline.data.images import write_images
from pipeline.data.inventory import read_inventory
from pipeline.data.preparing import images_at_a_time, prepare_thumbnail
from pipeline.data.steps import ThumbnailSteps
from pipeline.data.thumbnails import Thumbnails, make_thumbnails
from pipeline.data.xrays.chest import read_xray
from pipeline.data.xrays.files import locate_images
from pipeline.data.xrays.preparation import preparation_of
from pipeline.data.xrays.settings import Settings
from pipeline.data.xrays.splits import read_split
from pipeline.files import write_csv
from pipeline.layout import INTERIM, RAW, SCRATCH


def prepare_arm(
    arm: str, settings: Settings, folder: Path, status_csv: Path, workers: int
) -> tuple[pd.DataFrame, Thumbnails]:
    """Write the prepared array of an arm whose images are split; the thumbnails of its collection are made once.

    Args:
        arm: Whose images they are.
        settings: Those of the arm, or those that a search tries.
        folder: Where the array goes.
        status_csv: Where it is written what became of each image.
        workers: Processes; they change no byte.

    Returns:
        What :func:`pipeline.data.image_status.image_status` says, and the thumbnails.

    Raises:
        PipelineError: If more images failed than ``allowed_failures``.
    """
    table, inventory = read_split(INTERIM / arm / "split.csv"), read_inventory(layout.inventory(arm))
    collection, steps = settings.collection_of(arm), settings.equalize_xrays
    files = locate_images(inventory, settings.split_xrays.table)
    scratch = SCRATCH / "thumbnails" / collection
    root, size = RAW / collection, steps.thumbnail_size
    thumbnails = make_thumbnails(root, files, inventory, size, scratch, workers, decode=read_xray)
    status = image_status(table, thumbnails)
    write_csv(status_csv, status[["id", "status", "reason", "warnings"]])
    check_failures(status, steps.allowed_failures)
    preparation = preparation_of(settings).model_dump(mode="json")
    write_images(folder, prepare_images(status, thumbnails, steps), index_of(table, status), preparation)
    return status, thumbnails


def prepare_images(status: pd.DataFrame, thumbnails: Thumbnails, settings: ThumbnailSteps) -> Iterator[np.ndarray]:
    """Prepare the images that could be read.

    Args:
        status: What :func:`pipeline.data.image_status.image_status` returns.
        thumbnails: Those of the collection.

    Yields:
        uint8 (n, working_size, working_size, 1), in order.
    """
    rows = status.loc[status["status"] == "ok", "row"].to_numpy()
    count = images_at_a_time(settings)
    for start in range(0, len(rows), count):
        part = thumbnails.read(rows[start : start + count].tolist())
        yield np.stack([prepare_thumbnail(pixels, settings) for pixels in part])


def heading(arm: str, status: pd.DataFrame) -> str:
    """What stands above the picture of an arm's images; it says how many could not be prepared, if any.

    Args:
        status: What :func:`pipeline.data.image_status.image_status` returns.
    """
    failed = (status["status"] == "failed").sum()
    missing = f"; {failed} of {len(status)} could not be read" if failed else ""
    return f"{arm}: X-rays before and after preparation{missing}"


def colour_warning(status: pd.DataFrame) -> str:
    """Say how many images of an arm are in colour, which X-rays are not; empty if none is.

    Args:
        status: What :func:`pipeline.data.image_status.image_status` returns.
    """
    coloured = status.loc[status["warnings"] == IN_COLOUR, "id"]
    if not len(coloured):
        return ""
    return (
        f"{len(coloured)} of {len(status)} images are in colour and were made gray, such as {coloured.iloc[0]}: "
        "are they X-rays?"
    )
