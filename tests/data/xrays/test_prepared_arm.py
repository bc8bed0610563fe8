import numpy as np
import pandas as pd
import pytest

from pipeline.data import preparing
from pipeline.data.preparing import prepare_thumbnail
from pipeline.data.xrays.prepared_arm import check_failures, heading, image_status, index_of, prepare_images
from pipeline.data.xrays.settings import EqualizeXrays
from pipeline.errors import PipelineError
from tests.data.conftest import Collection, ThumbnailsOf


def test_images_follow_the_arms_table_whatever_the_order_of_the_thumbnails(
    table: pd.DataFrame,
    thumbnails_of: ThumbnailsOf,
    equalize_settings: EqualizeXrays,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side = equalize_settings.thumbnail_size
    monkeypatch.setattr(preparing, "MOST", 2 * 3 * side**2)  # bytes
    thumbnails = thumbnails_of(table)
    chosen = table.iloc[[7, 0, 3, 2, 9]]
    status = image_status(chosen, thumbnails)
    parts = list(prepare_images(status, thumbnails, equalize_settings))
    assert [len(part) for part in parts] == [2, 2, 1]
    expected = [prepare_thumbnail(pixels, equalize_settings) for pixels in thumbnails.read([7, 0, 3, 2, 9])]
    np.testing.assert_array_equal(np.concatenate(parts), np.stack(expected))


def test_an_unreadable_image_is_listed_and_left_out(
    collection: Collection, table: pd.DataFrame, thumbnails_of: ThumbnailsOf, equalize_settings: EqualizeXrays
) -> None:
    (collection.root / table["source"][3]).write_bytes(b"no picture")
    thumbnails = thumbnails_of(table)
    status = image_status(table, thumbnails)
    assert status["status"].tolist() == ["ok"] * 3 + ["failed"] + ["ok"] * 6
    assert status["reason"][3].startswith(f"{table['source'][3]} is not a whole PNG")
    assert sum(map(len, prepare_images(status, thumbnails, equalize_settings))) == 9
    assert heading("films", status).endswith("; 1 of 10 could not be read")
    assert heading("films", status[:3]) == "films: X-rays before and after preparation"
    index = index_of(table, status)
    assert table["id"][3] not in set(index["id"])
    assert (index[["x", "y"]] == 0).all(axis=None)
    check_failures(status, allowed=0.1)
    with pytest.raises(PipelineError, match=r"1 of 10 images failed.*0\.05; first: images/00000002_001"):
        check_failures(status, allowed=0.05)


def test_an_image_that_left_the_collection_is_named(table: pd.DataFrame, thumbnails_of: ThumbnailsOf) -> None:
    thumbnails = thumbnails_of(table[:5])
    with pytest.raises(PipelineError, match=r"images/00000003_001\.png is not in the collection any more"):
        image_status(table, thumbnails)
