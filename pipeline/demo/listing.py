"""What one stage tells the next: whether an arm of the lists is of a collection that a stage makes."""

from pathlib import Path

import pandas as pd

from pipeline import layout
from pipeline.data.inventory import COLUMNS
from pipeline.files import write_csv

DRAWN = ("slides", "xrays")  # the kinds of data that the demo has a collection of
LISTED = "listed\n"
UNLISTED = "not listed\n"


def is_listed(kind: str) -> bool:
    """Whether an arm of the lists is of a collection; see :func:`pipeline.layout.demo_list`."""
    return layout.demo_list(kind).read_text(encoding="utf-8") == LISTED


def leave_empty(folder: Path, collection: str) -> str:
    """Make a collection that no listed arm is of, since DVC has no stages that run only sometimes.

    Returns:
        What to say of it.
    """
    folder.mkdir()
    write_csv(layout.inventory(collection), pd.DataFrame(columns=COLUMNS))
    return f"no listed arm is of {collection}: it stays empty"
