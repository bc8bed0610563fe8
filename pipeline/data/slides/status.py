"""The status table of slides: one row each, with the reason where one was not used or failed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import PipelineError
from pipeline.files import read_csv
from pipeline.layout import INTERIM, arm_key

TEXTS = ["name", "path", "role", "annotation", "group", "status", "reason", "warnings"]


def read_status(path: Path) -> pd.DataFrame:
    """Read a status table that a stage wrote.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    return read_csv(path, TEXTS, TEXTS, "run `dvc repro` for the stage that writes it")


def rows_of(status: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a status table row by row."""
    return [{str(key): value for key, value in row.items()} for row in status.to_dict("records")]


def check_failures(reasons: Sequence[str], total: int, allowed: float, arm: str, what: str) -> None:
    """Check that not too many slides or tiles failed.

    Args:
        reasons: Why each of the failed ones did.
        total: How many there are, failed or not.
        allowed: The share that may fail.
        arm: Names the key in errors.
        what: ``slides`` or ``tiles``.

    Raises:
        PipelineError: If more failed; it gives their number and the first reason.
    """
    if len(reasons) > allowed * total:
        raise PipelineError(
            f"{arm}: {len(reasons)} of {total} {what} failed, more than {arm_key(arm, 'collection.allowed_failures')} "
            f"{allowed}; all reasons are in {INTERIM / arm}, the first is: {reasons[0]}"
        )
