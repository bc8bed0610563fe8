import numpy as np
import pandas as pd

from pipeline.data.before_and_after import before_and_after
from pipeline.data.images import Images
from pipeline.data.xrays.prepared_arm import image_status
from pipeline.data.xrays.settings import EqualizeXrays
from tests.data.conftest import FILMS, ThumbnailsOf


def test_rows_hold_thumbnails_above_the_same_images_prepared(
    thumbnails_of: ThumbnailsOf, table: pd.DataFrame, equalize_settings: EqualizeXrays
) -> None:
    index = table.assign(label=[0] * 7 + [1] * 3, split=["train"] * 7 + ["test"] * 3)
    pixels = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    thumbnails = thumbnails_of(table)
    sheet = before_and_after(Images(pixels, index, {}), image_status(table, thumbnails), thumbnails, count=4)
    assert [(len(images), images[0].shape) for images in sheet.values()] == [
        (4, (30, 30)),
        (4, (8, 8, 1)),
        (3, (30, 30)),
        (3, (8, 8, 1)),
    ]
    assert [int(image[0, 0, 0]) for image in list(sheet.values())[1]] == [0, 2, 4, 6]
    assert [int(image[0, 0, 0]) for image in list(sheet.values())[3]] == [7, 8, 9]
    assert np.array_equal(list(sheet.values())[2][2], thumbnails.read([len(FILMS) - 1])[0])
