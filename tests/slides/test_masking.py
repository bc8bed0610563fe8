import numpy as np
import pandas as pd
import pytest

from pipeline.errors import PipelineError
from pipeline.slides.collection import SlideRecord
from pipeline.slides.masking import COLUMNS, check_failures, mask_slide, read_mask, read_status


@pytest.fixture
def mask(tmp_path, params):
    def run(path: str) -> dict:
        record = SlideRecord(path.removesuffix(".tif"), path, "train", 0, "")
        arm = "demo_slides"
        return mask_slide(record, tmp_path, tmp_path, params.slides[arm], params.tissue_masks[arm], arm)

    return run


def test_a_slide_gives_a_mask_and_a_row(mask, write_slide, tmp_path):
    image = np.full((2048, 2560, 3), 240, np.uint8)
    image[512:1536, 256:1792] = (170, 90, 160)
    write_slide(image, "normal_001.tif")
    row = mask("normal_001.tif")
    assert (row["status"], row["reason"], row["pixel"], row["width"]) == ("ok", "", 256.0, 2560)
    found = read_mask(tmp_path, "normal_001")
    assert found.shape == (8, 10)
    assert found[2:6, 1:7].all()
    assert found.sum() == 24
    assert row["tissue"] == 0.3


def test_a_blank_and_a_broken_slide_are_rows_with_a_reason(mask, write_slide, tmp_path):
    write_slide(np.full((1024, 1024, 3), 240, np.uint8), "blank.tif")
    (tmp_path / "broken.tif").write_bytes(b"nothing")
    assert "uniform" in mask("blank.tif")["reason"]
    broken = mask("broken.tif")
    assert broken["status"] == "failed"
    assert "broken.tif" in broken["reason"]
    assert not (tmp_path / "broken.png").exists()


def test_a_path_that_leaves_the_collection_is_not_followed(mask):
    assert "leaves" in mask("../normal_001.tif")["reason"]


def test_a_few_failures_are_borne_more_are_not():
    check_failures(pd.Series(["bad"] + [""] * 9), "slides")
    with pytest.raises(PipelineError, match=r"2 of 10 failed.*the first reason is: bad"):
        check_failures(pd.Series(["bad", "worse"] + [""] * 8), "slides")


def test_the_status_table_is_read_with_empty_texts(tmp_path):
    pd.DataFrame([{"name": "001", "status": "failed"}], columns=COLUMNS).to_csv(tmp_path / "slides.csv", index=False)
    row = read_status(tmp_path).iloc[0]
    assert (row["name"], row["reason"], row["annotation"]) == ("001", "", "")


def test_missing_masks_are_named(tmp_path):
    with pytest.raises(PipelineError, match="tissue_masks"):
        read_status(tmp_path)
    with pytest.raises(PipelineError, match="normal_001"):
        read_mask(tmp_path, "normal_001")
