"""Where hostile inputs are put, and how the pipeline reads the collections that they lie in."""

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.inventory import make_inventory, read_inventory
from pipeline.data.slides.collection import read_collection
from pipeline.data.slides.slide_record import SlideRecord
from stages import split_xrays
from tests.shipped import shipped_slides, with_values, write

NIH, SLIDES = Path("data/raw/nih"), Path("data/raw/demo_slides")
# Settings of a collection of slides that are described by a table of their own.
WITH_TABLE: dict[str, Any] = {"table": "slides.csv", "validation_tumour": (), "validation_share": 0.0}
INVENTORY, SCRATCH = Path("data/raw/inventory/nih_pa.csv"), Path(".cache/inventory/nih.json")


def put(path: Path, content: str | bytes | None) -> None:
    """Put a file, and the folders above it, in place of one that may be there; None leaves the file missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def list_xrays() -> pd.DataFrame:
    """List the X-rays as ``make check-data`` does."""
    return make_inventory(NIH, INVENTORY, SCRATCH)


def listed_paths() -> list[str]:
    """List the X-rays; the paths that a stage reads then."""
    list_xrays()
    return read_inventory(INVENTORY)["path"].tolist()


def list_and_split_xrays() -> None:
    list_xrays()
    split_xrays.main("nih_pa")


def write_with_table() -> None:
    """Write settings in which the arm nih_pa is described by the table xrays.csv."""
    values = {"table": "xrays.csv", "lists": None, "validation_share": 0.0}
    write(with_values(*((f"arms/nih_pa.yaml:split_xrays.{key}", value) for key, value in values.items())))


def list_and_read_slides(**changed: Any) -> list[SlideRecord]:
    """List the slides and read what they are, with other settings than the shipped ones."""
    inventory = make_inventory(SLIDES, Path("data/raw/inventory/demo_slides.csv"), Path(".cache/inventory/slides.json"))
    return read_collection(
        SLIDES, inventory, shipped_slides("demo_slides").collection.model_copy(update=changed), "demo_slides"
    )
