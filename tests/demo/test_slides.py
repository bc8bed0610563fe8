from pathlib import Path

import numpy as np
import pytest
from openslide import OpenSlide

from pipeline.data.inventory import make_inventory
from pipeline.data.slides.annotations import read_lesions
from pipeline.data.slides.collection import read_collection
from pipeline.data.slides.reading import Slide
from pipeline.data.slides.tissue import NoTissueError, find_tissue
from pipeline.demo.lymph_node import STAINS, UNIT, render
from pipeline.demo.slides import make_slides
from pipeline.params.demo import DemoSlides
from tests.shipped import shipped_slides

SETTINGS = DemoSlides(normal=2, tumour=1, test_normal=1, test_tumour=1, blank=1, size=2304)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("demo") / "slides"
    assert make_slides(root, SETTINGS, 0, 1) == 6
    return root


def test_the_colours_follow_beer_and_lambert():
    haematoxylin, eosin = np.random.default_rng(0).integers(0, 200, (2, 50, 60), dtype=np.uint8)
    glass = np.array([250.0, 240.0, 230.0])
    density = UNIT * (haematoxylin[..., None] * STAINS[0] + eosin[..., None] * STAINS[1])
    assert np.abs(render(haematoxylin, eosin, STAINS, glass) - glass * np.exp(-density)).max() <= 1.5


def test_the_collection_has_the_layout_of_camelyon16(root, tmp_path):
    inventory = make_inventory(root, tmp_path / "inventory.csv", tmp_path / "scratch.json")
    settings = shipped_slides("demo_slides").collection.model_copy(update={"validation_tumour": ("tumor_001",)})
    records = read_collection(root, inventory, settings, "demo_slides")
    roles = sorted(record.role for record in records)
    assert roles == ["test_normal", "test_tumour", "train", "train", "val_normal", "val_tumour"]
    for record in records:
        if record.annotation:
            area = read_lesions(
                root / record.annotation, shipped_slides("demo_slides").sample_tiles, "demo_slides"
            ).area
            assert area.area > 768**2


def test_a_lesion_may_have_a_normal_island(root):
    lesions = read_lesions(
        root / "training/lesion_annotations/tumor_001.xml", shipped_slides("demo_slides").sample_tiles, "demo_slides"
    )
    assert sum(len(polygon.interiors) for polygon in lesions.area.geoms) == 1


def test_openslide_sees_a_pyramid_and_its_scale(root):
    with OpenSlide(root / "training/normal/normal_001.tif") as slide:
        assert slide.dimensions == (2304, 2304)
        assert slide.level_downsamples[:3] == pytest.approx((1, 2, 4))
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.25)
        corner = np.asarray(slide.read_region((0, 0), 0, (64, 64)))[..., :3]
        middle = np.asarray(slide.read_region((1100, 1100), 0, (256, 256)))[..., :3]
    assert corner.mean() > 215
    assert middle.mean() < 190


def test_a_blank_slide_is_glass(root):
    with Slide(
        root / "training/normal/normal_003.tif", shipped_slides("demo_slides").collection, "demo_slides"
    ) as slide:
        thumbnail = slide.thumbnail(64.0)
    assert thumbnail.min() > 215
    with pytest.raises(NoTissueError):
        find_tissue(thumbnail, shipped_slides("demo_slides").tissue_masks)


def test_slides_differ_from_each_other_in_their_colours(root):
    def colour(name: str) -> np.ndarray:
        with OpenSlide(root / f"training/normal/{name}.tif") as slide:
            return np.asarray(slide.read_region((768, 768), 0, (768, 768)))[..., :3].mean((0, 1))

    assert np.abs(colour("normal_001") - colour("normal_002")).max() > 3


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(root, tmp_path):
    make_slides(tmp_path / "again", SETTINGS, 0, 2)
    make_slides(tmp_path / "other", SETTINGS, 1, 2)
    files = sorted(path.relative_to(root) for path in root.rglob("*") if path.is_file())
    assert len(files) == 9
    for path in files:
        assert (root / path).read_bytes() == (tmp_path / "again" / path).read_bytes()
    first = Path("training/normal/normal_001.tif")
    assert (root / first).read_bytes() != (tmp_path / "other" / first).read_bytes()
