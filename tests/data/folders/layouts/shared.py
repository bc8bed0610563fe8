"""What the tests of layouts of images in files that hold many have in common."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.data.folders.layout import layout_of
from pipeline.data.folders.settings import Collection
from pipeline.data.inventory import make_inventory
from pipeline.data.picture_files import thumbnail
from pipeline.data.thumbnails import make_thumbnails


class Touching:
    """Leaves a file behind where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def leaves_a_file(content: bytes, path: Path) -> bool:
    """Whether unpickling something leaves a file behind, which is removed again."""
    pickle.loads(content, encoding="bytes")  # noqa: S301
    left = path.exists()
    path.unlink(missing_ok=True)
    return left


def drawn(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    """Noise, so that no two axes can be taken for one another."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def listed(root: Path) -> pd.DataFrame:
    return make_inventory(root, root.parent / "inventory.csv", root.parent / "inventory.json")


def settings_for(layout: str, *normal: str, **others: Any) -> Collection:
    return Collection.model_validate({"layout": layout, "normal": normal, **others})


def read(root: Path, layout: str, *normal: str, **others: Any) -> pd.DataFrame:
    settings = settings_for(layout, *normal, **others)
    return layout_of(settings).read(root, listed(root), settings)


def pixels_of(root: Path, table: pd.DataFrame, layout: str) -> Iterator[np.ndarray]:
    """The pixels of the images that were listed, in the order of the list."""
    module = layout_of(settings_for(layout, "any"))
    containers = dict.fromkeys(module.split_path(source)[0] for source in table["source"])
    records = {f"{path}/{name}": pixels for path in containers for name, pixels in module.read_records(root / path)}
    return (records[source] for source in table["source"])


def check_thumbnails(root: Path, table: pd.DataFrame, layout: str, images: np.ndarray, mode: str) -> None:
    """Compare the thumbnails of a list with images that were resized without any file."""
    module = layout_of(settings_for(layout, "any"))
    scratch = root.parent / "scratch"
    made = make_thumbnails(root, table, listed(root), 9, scratch, 1, mode, module.split_path, module.read_records)
    expected = [np.asarray(thumbnail(Image.fromarray(image).convert(mode), 9)) for image in images]
    np.testing.assert_array_equal(made.read(range(len(table))), np.stack(expected))
    assert (made.index["reason"] == "").all()
