"""What became of each image of an arm that is made of thumbnails."""

import numpy as np
import pandas as pd

from pipeline.data.thumbnails import Thumbnails
from pipeline.errors import PipelineError

IN_COLOUR = "in colour, made gray"


def image_status(table: pd.DataFrame, thumbnails: Thumbnails) -> pd.DataFrame:
    """Look up the images of an arm among the thumbnails of its collection.

    Args:
        table: The arm's ``split.csv``.
        thumbnails: Those of its collection.

    Returns:
        ``id``, ``status`` (ok or failed), ``reason`` (empty if ok), ``warnings`` (empty if there is nothing to look
        at) and ``row`` (of the thumbnail), in the order of ``table``.

    Raises:
        PipelineError: If an image is not in the collection any more.
    """
    rows = pd.Series(range(len(thumbnails.index)), index=thumbnails.index["source"])
    absent = table.loc[~table["source"].isin(rows.index), "source"]
    if len(absent):
        raise PipelineError(f"{absent.iloc[0]} is not in the collection any more: run `dvc repro`, which lists it anew")
    row = rows[table["source"]].to_numpy()
    reasons = thumbnails.index["reason"].to_numpy()[row]
    status = np.where(reasons == "", "ok", "failed")
    coloured = thumbnails.index["colour"].to_numpy()[row] & (thumbnails.mode == "L")
    warnings = np.where(coloured, IN_COLOUR, "")
    columns = {"id": table["id"].to_numpy(), "status": status, "reason": reasons, "warnings": warnings, "row": row}
    return pd.DataFrame(columns)


def check_failures(status: pd.DataFrame, allowed: float) -> None:
    """Fail when too many images could not be read.

    Args:
        status: What :func:`image_status` returns.
        allowed: Share of all images.

    Raises:
        PipelineError: Naming the first failure.
    """
    failed = status[status["status"] == "failed"]
    if len(failed) > allowed * len(status):
        raise PipelineError(
            f"{len(failed)} of {len(status)} images failed, more than the share allowed_failures {allowed}; "
            f"first: {failed['reason'].iloc[0]}"
        )


def index_of(table: pd.DataFrame, status: pd.DataFrame) -> pd.DataFrame:
    """Return the array contract's index of the images that could be read."""
    ok = table[(status["status"] == "ok").to_numpy()]
    return ok.assign(x=0, y=0).reset_index(drop=True)
