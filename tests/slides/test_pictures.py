import numpy as np
import pandas as pd
import shapely

from pipeline.slides.pictures import LESION, SIDE, TILE, TISSUE, before_and_after, overlay, shown_slides


def test_outlines_and_tiles_are_drawn_where_they_lie():
    mask = np.zeros((56, 28), bool)
    mask[10:40, 4:24] = True
    lesion = shapely.MultiPolygon([shapely.box(1024, 1024, 2048, 2048)])
    tiles = pd.DataFrame({"x": [3072], "y": [6144]})
    picture = overlay(np.full((56, 28, 3), 255, np.uint8), mask, lesion, tiles, 768.0, 256.0)
    assert picture.shape == (SIDE, SIDE // 2, 3)
    # 4 pixels of the picture to a mask pixel of 256 level-0 pixels
    assert tuple(picture[16, 24]) == LESION
    assert tuple(picture[6144 // 64, 3072 // 64]) == TILE
    assert tuple(picture[10 * 4, 8 * 4]) == TISSUE
    assert tuple(picture[200, 100]) == (255, 255, 255)


def test_slides_with_a_mask_are_shown_evenly():
    table = pd.DataFrame({"name": list("abcdefg"), "status": ["failed", *["ok"] * 6]})
    assert shown_slides(table, 3)["name"].tolist() == ["b", "d", "g"]
    assert len(shown_slides(table, 20)) == 6
    assert len(shown_slides(table[:1], 4)) == 0


def test_tiles_are_shown_before_and_after_by_kind():
    tiles = pd.DataFrame({"slide": ["n", "n", "t", "left out"], "label": [0, 0, 1, 1]})
    pair = np.stack([np.zeros((4, 4, 3), np.uint8), np.ones((4, 4, 3), np.uint8)])
    rows = before_and_after(tiles, {"n": pair, "t": pair})
    assert list(rows) == ["normal before", "normal after", "tumour before", "tumour after"]
    assert [len(images) for images in rows.values()] == [1, 1, 1, 1]
    assert rows["tumour after"][0].max() == 1
