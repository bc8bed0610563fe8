"""Small folders of images, laid out as published."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.data.folders.settings import Collection
from pipeline.data.folders.splits import read_collection
from pipeline.data.inventory import make_inventory

SIDE = 24


def drawn(name: str, channels: int = 1) -> np.ndarray:
    """An image that no other name has, uint8 (24, 24) or (24, 24, 3)."""
    shape = (SIDE, SIDE) if channels == 1 else (SIDE, SIDE, channels)
    return np.random.default_rng([*name.encode()]).integers(0, 256, shape).astype(np.uint8)


def write_images(root: Path, *names: str) -> None:
    """Write a gray image of each name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(drawn(name)).save(root / name)


def listed(root: Path, **settings: Any) -> pd.DataFrame:
    """Every image of a collection with its split, by id."""
    inventory = make_inventory(root, root.parent / "inventory.csv", root.parent / "inventory.json")
    return read_collection(root, inventory, Collection.model_validate({"folder": root.name, **settings})).set_index(
        "id"
    )


def splits(table: pd.DataFrame) -> dict[str, tuple[str, int, str]]:
    """Split, label and findings of every image that is used."""
    kept = table[table["split"] != ""]
    return {name: (row.split, row.label, row.findings) for name, row in kept.iterrows()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder
