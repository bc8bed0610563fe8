"""A collection of six patients in the NIH layout, and tissue that is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.compute.seeding import generator
from pipeline.data.inventory import make_inventory
from pipeline.data.picture_files import read_picture, thumbnail
from pipeline.data.preparing import prepare_thumbnail
from pipeline.data.thumbnails import Thumbnails, make_thumbnails
from pipeline.data.xrays.settings import EqualizeXrays, SplitXrays
from pipeline.demo.lymph_node import colours_of_a_laboratory, draw_tissue

ThumbnailsOf = Callable[..., Thumbnails]

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
# name, findings, view
FILMS = [
    ("00000001_000.png", "No Finding", "PA"),
    ("00000001_001.png", "Infiltration", "PA"),
    ("00000002_000.png", "No Finding", "PA"),
    ("00000002_001.png", "No Finding", "AP"),
    ("00000003_000.png", "Infiltration", "PA"),
    ("00000003_001.png", "Infiltration|Mass", "PA"),
    ("00000004_000.png", "No Finding", "PA"),
    ("00000005_000.png", "Mass|Nodule", "PA"),
    ("00000005_001.png", "No Finding", "PA"),
    ("00000006_000.png", "Effusion", "AP"),
]
TRAIN_VAL = [name for name, _, _ in FILMS[:7]]
TEST = [name for name, _, _ in FILMS[7:]]


def metadata_row(name: str, findings: str, view: str, age: str = "58") -> str:
    return f"{name},{findings},{int(name[9:12])},{int(name[:8])},{age},F,{view},2048,2500,0.168,0.168"


@dataclass
class Collection:
    """A folder in the NIH layout, written piece by piece."""

    root: Path
    films: Sequence[tuple[str, str, str]] = field(default_factory=lambda: list(FILMS))

    def write(self) -> "Collection":
        (self.root / "images").mkdir(parents=True)
        for number, (name, _, _) in enumerate(self.films):
            pixels = np.random.default_rng(number).integers(0, 256, (40, 40), np.uint8)
            Image.fromarray(pixels).save(self.root / "images" / name)
        self.write_lines("Data_Entry_2017_v2020.csv", [HEADER, *(metadata_row(*film) for film in self.films)])
        self.write_lines("train_val_list.txt", TRAIN_VAL)
        self.write_lines("test_list.txt", TEST)
        return self

    def write_lines(self, name: str, lines: Sequence[str]) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return path

    def inventory(self, csv: Path) -> pd.DataFrame:
        return make_inventory(self.root, csv, csv.with_suffix(".json"))


def prepared_file(path: Path, settings: EqualizeXrays) -> np.ndarray:
    """Prepare one file without the rest of its collection."""
    small = thumbnail(read_picture(path.read_bytes(), path.name, "L")[0], settings.thumbnail_size)
    return prepare_thumbnail(np.asarray(small), settings)


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    return Collection(tmp_path / "data/raw/nih").write()


@pytest.fixture(scope="session")
def split_settings() -> SplitXrays:
    return SplitXrays(
        generated=False,
        collection="nih",
        table=None,
        lists="official",
        view="PA",
        validation_findings=("Infiltration",),
        validation_share=0.5,
        seed=0,
    )


@pytest.fixture
def equalize_settings() -> EqualizeXrays:
    return EqualizeXrays(
        thumbnail_size=30, crop_size=22, equalization="histogram", working_size=8, allowed_failures=0.2
    )


@pytest.fixture
def table() -> pd.DataFrame:
    """What an arm that uses all films knows of them."""
    names = [name for name, _, _ in FILMS]
    return pd.DataFrame({"id": names, "source": [f"images/{name}" for name in names], "md5": "0"})


@pytest.fixture
def thumbnails_of(collection: Collection, tmp_path: Path) -> ThumbnailsOf:
    """Make thumbnails of 30 px of the collection's images."""

    def make(files: pd.DataFrame, scratch: str = "scratch", workers: int = 1) -> Thumbnails:
        inventory = collection.inventory(tmp_path / "inventory.csv")
        return make_thumbnails(collection.root, files, inventory, 30, tmp_path / scratch, workers)

    return make


@pytest.fixture(scope="session")
def stain_maps() -> tuple[np.ndarray, np.ndarray]:
    """Haematoxylin and eosin of a lymphoid tile, uint8 (384, 384)."""
    whole = np.full((384, 384), 255, np.uint8)
    return draw_tissue(whole, np.zeros_like(whole), generator(0, "test tile"))


@pytest.fixture(scope="session")
def tile(stain_maps: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return colours_of_a_laboratory(*stain_maps, generator(0, "test laboratory"))
