"""A small collection of X-rays through the chain, and the model that comes out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline import layout
from pipeline.data.inventory import make_inventory
from pipeline.scoring import whole_slide
from stages import fit_and_score, prepare_folder
from tests.data.slides.conftest import write_slide as write_slide  # noqa: PLC0414  (a fixture)
from tests.scoring.slide_chain import run_chain
from tests.shipped import shipped, write

ARM = "images"
STEPS = {"thumbnail_size": 40, "crop_size": 32, "working_size": 32, "equalization": "histogram"}


def film(number: int, abnormal: bool = False) -> np.ndarray:
    """A smooth picture, uint8 (40, 40); abnormal ones hold a bright square."""
    draws = np.random.default_rng([number, abnormal])
    image = np.add.outer(np.linspace(40, 120, 40), np.linspace(0, 40, 40)) + draws.normal(0, 6, (40, 40))
    if abnormal:
        image[12:24, 12:24] = 250 - draws.integers(0, 20, (12, 12))
    return image.clip(0, 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module", autouse=True)
def small_overviews() -> Iterator[None]:
    """Draw slides small: to encode a picture of one as PNG takes longer than to score it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole_slide, "SIDE", 300)
        yield


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository's folder, in which PaDiM was fitted to an arm and scored."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        root = folder / "data/raw" / ARM
        for number in range(80):
            save(root / f"train/good/{number:03d}.png", film(number))
        for number in range(100, 130):
            save(root / f"test/good/{number}.png", film(number))
            save(root / f"test/bad/{number}.png", film(number, abnormal=True))
        content = shipped()
        content["params.yaml"] |= {"seeds": [0, 1, 2], "detectors": ["padim"], "quick_detectors": []}
        content["params.yaml"]["arms"] = {"slides": [], "xrays": [], "folders": [ARM], "train": [ARM]}
        padim = content[f"arms/{ARM}.yaml"]["detectors"]["padim"] | {"input_size": 32, "channels": 16}
        content[f"arms/{ARM}.yaml"] |= {
            "collection": {"layout": "mvtec", "validation_share": 0.5},
            "prepare_folder": STEPS,
            "detectors": {"padim": padim},
            "evaluate": {"gallery_images": 2, "heat_map_top": {}},
        }
        write(content)
        make_inventory(root, Path(f"data/raw/inventory/{ARM}.csv"), Path("scratch.json"))
        prepare_folder.main(ARM)
        fit_and_score.main(ARM, "padim")
    return folder


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository's folder, in which PaDiM was fitted to tiles of drawn slides and scored."""
    folder = tmp_path_factory.mktemp("chain")
    run_chain(folder)
    return folder


@pytest.fixture(scope="session")
def model_file(trained: Path) -> Path:
    return trained / layout.calibrated(layout.run_name(ARM, "padim", 0))
