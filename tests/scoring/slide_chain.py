"""A small collection of slides through the chain, and slides for the model that comes out."""

from pathlib import Path

import numpy as np
import pytest

from pipeline import layout
from pipeline.data.inventory import make_inventory
from pipeline.demo.lymph_node import colours_of_a_laboratory, draw_tissue
from pipeline.demo.slides import make_slides
from pipeline.params.demo import DemoSlides
from stages import fit_and_score, normalize_tiles, sample_tiles, tissue_masks
from tests.shipped import with_values, write

ARM = "demo_slides"
SIDE = 2304
RUN = layout.run_name(ARM, "padim", 0)
TILE = 192  # px, 3 mask pixels; shown at 48 px, of which a view is 16
SETTINGS = {
    "collection.table": "slides.csv",
    "collection.validation_tumour": [],
    "collection.validation_share": 0.5,
    "tissue_masks.microns_per_pixel": 16.0,
    "sample_tiles.tile_size": TILE,
    "normalize_tiles.working_size": 48,
    "normalize_tiles.target": {
        "file": "training/normal/normal_001.tif",
        "region": {"x": 384, "y": 384, "size": 768},
    },
    "evaluate.heat_map_top": {},
}


def run_chain(folder: Path) -> None:
    """Fit PaDiM to tiles of drawn slides in a repository's folder, and score them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        raw = Path("data/raw") / ARM
        make_slides(raw, DemoSlides(normal=4, tumour=1, test_normal=1, test_tumour=1, blank=0, size=SIDE), 0, 1)
        content = with_values(
            ("demo_data.slides.size", SIDE), *((f"arms/{ARM}.yaml:{key}", value) for key, value in SETTINGS.items())
        )
        content["params.yaml"] |= {"seeds": [0, 1], "detectors": ["padim"], "quick_detectors": []}
        content["params.yaml"]["arms"] = {"slides": [ARM], "xrays": [], "folders": [], "train": [ARM]}
        padim = content[f"arms/{ARM}.yaml"]["detectors"]["padim"]
        content[f"arms/{ARM}.yaml"]["detectors"] = {"padim": padim | {"side": 16, "input_size": 32, "channels": 16}}
        write(content)
        rows = [f"training/normal/normal_{number:03}.tif,train,,{number}" for number in range(1, 5)]
        outlines = next((raw / "training/lesion_annotations").iterdir()).relative_to(raw)
        rows += [f"training/tumor/tumor_001.tif,test_tumour,{outlines},t"]
        rows += ["testing/images/test_001.tif,test_normal,,n"]
        (raw / "slides.csv").write_text("\n".join(["path,role,annotation,group", *rows, ""]), encoding="utf-8")
        make_inventory(raw, Path(f"data/raw/inventory/{ARM}.csv"), Path("scratch.json"))
        for stage in (tissue_masks, sample_tiles, normalize_tiles):
            stage.main(ARM)
        fit_and_score.main(ARM, "padim")


def tissue(side: int = 768, margin: int = 100, seed: int = 0, tumour: bool = False) -> np.ndarray:
    """Draw a square of tissue on glass, normal or nothing but a tumour: uint8 RGB (side, side, 3)."""
    draws = np.random.default_rng(seed)
    mask = np.zeros((side, side), np.uint8)
    mask[margin : side - margin, margin : side - margin] = 255
    return colours_of_a_laboratory(*draw_tissue(mask, mask * tumour, draws), draws)
