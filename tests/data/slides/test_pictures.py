import numpy as np
import pandas as pd
import shapely

from pipeline.data.slides.pictures import LESION, TILE, TISSUE, SlidePictures, before_and_after, overlay
from pipeline.files import write_picture
from tests.shipped import shipped_slides


def test_outlines_and_tiles_are_drawn_where_they_lie():
    mask = np.zeros((56, 28), bool)
    mask[10:40, 4:24] = True
    lesion = shapely.MultiPolygon([shapely.box(1024, 1024, 2048, 2048)])
    tiles = pd.DataFrame({"x": [3072], "y": [6144]})
    picture = overlay(np.full((56, 28, 3), 255, np.uint8), mask, lesion, tiles, 768.0, 256.0, 224)
    assert picture.shape == (224, 112, 3)
    # 4 pixels of the picture to a mask pixel of 256 level-0 pixels
    assert tuple(picture[16, 24]) == LESION
    assert tuple(picture[6144 // 64, 3072 // 64]) == TILE
    assert tuple(picture[10 * 4, 8 * 4]) == TISSUE
    assert tuple(picture[200, 100]) == (255, 255, 255)


def test_every_slide_that_could_be_opened_has_its_picture(tmp_path):
    for name in ("a", "b"):
        write_picture(tmp_path / "masks" / "thumbnails" / f"{name}.png", np.full((8, 8, 3), 240, np.uint8))
    write_picture(tmp_path / "masks" / "a.png", np.eye(8, dtype=np.uint8) * 255)
    facts = {"annotation": "", "extent": 1.0, "pixel": 256.0}
    status = pd.DataFrame([{"name": name, **facts} for name in ("a", "b", "never opened")])
    tiles = pd.DataFrame({"slide": ["a"], "role": ["train"], "x": [0], "y": [0]})
    pictures = SlidePictures(
        tmp_path, tmp_path / "masks", tiles, shipped_slides("demo_slides").sample_tiles, "demo_slides"
    )
    assert pictures.write_all(status, tmp_path / "overlays") == 2
    assert sorted(file.name for file in (tmp_path / "overlays").iterdir()) == ["a.jpg", "b.jpg"]
    examples = pictures.examples(status)
    assert list(examples) == ["train: a"]
    assert (examples["train: a"][0] == TISSUE).all(axis=2).any()


def test_broken_outlines_do_not_hide_the_slide(tmp_path):
    write_picture(tmp_path / "thumbnails" / "a.png", np.full((8, 8, 3), 240, np.uint8))
    (tmp_path / "a.xml").write_text("broken")
    tiles = pd.DataFrame({"slide": [], "role": [], "x": [], "y": []})
    pictures = SlidePictures(tmp_path, tmp_path, tiles, shipped_slides("demo_slides").sample_tiles, "demo_slides")
    drawn = pictures.draw({"name": "a", "annotation": "a.xml", "extent": 1.0, "pixel": 256.0}, 16)
    assert (drawn == 240).all()


def test_tiles_are_shown_before_and_after_by_role(tmp_path):
    for when, grey in (("before", 10), ("after", 20)):
        for slide in "nt":
            write_picture(tmp_path / when / f"{slide}.png", np.full((4, 4, 3), grey, np.uint8))
    tiles = pd.DataFrame(
        {"slide": ["n", "n", "t", "left out"], "role": ["train", "train", "test_tumour", "test_tumour"]}
    )
    rows = before_and_after(tiles.assign(reason=["", "", "", "pale"]), tmp_path)
    assert list(rows) == ["train, before", "train, after", "test_tumour, before", "test_tumour, after"]
    assert [len(images) for images in rows.values()] == [1, 1, 1, 1]
    assert rows["test_tumour, after"][0].max() == 20
