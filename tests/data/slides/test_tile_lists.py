import os
from pathlib import Path

import pytest

from pipeline.data.slides.tile_lists import read_tile_lists
from pipeline.errors import PipelineError

REAL = Path(os.environ.get("PIPELINE_REAL_DATA", "absent")) / "camelyon16_lists"
NAME = "normal_001_normal_x_768_y_1536_w_768_h_768.jpg"


@pytest.fixture
def read(tmp_path):
    def read(*texts: str):
        for number, text in enumerate(texts):
            (tmp_path / f"{number}.txt").write_text(text)
        return read_tile_lists(tmp_path, tuple(f"{number}.txt" for number in range(len(texts))), "key")

    return read


def test_in_a_name_x_is_the_row_and_y_the_column(read):
    table = read(NAME + "\n\n", "test_001_tumor_x_0_y_256_w_768_h_768.jpg\r\n")
    assert table.to_dict("records") == [
        {"slide": "normal_001", "label": 0, "x": 1536, "y": 768, "size": 768},
        {"slide": "test_001", "label": 1, "x": 256, "y": 0, "size": 768},
    ]


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        ((NAME + "\nnormal_001.jpg\n",), r"0\.txt, line 2: expected a new name"),
        ((NAME, NAME), r"1\.txt, line 1: expected a new name"),
        ((NAME, NAME.replace("jpg", "png")), r"1\.txt, line 1: expected a new name"),
        ((NAME.replace("h_768", "h_512"),), r"0\.txt, line 1"),
    ],
)
def test_a_line_that_names_no_new_tile_is_named(read, texts, what):
    with pytest.raises(PipelineError, match=what):
        read(*texts)


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(PipelineError, match=r"key names .*gone\.txt, which is not there"):
        read_tile_lists(tmp_path, ("gone.txt",), "key")


@pytest.mark.skipif(not REAL.is_dir(), reason="PIPELINE_REAL_DATA names no folder with lists")
def test_the_published_lists_are_read_whole():
    names = ("normal_train", "normal_test", "anomaly_train", "anomaly_test")
    tables = [read_tile_lists(REAL, (f"{name}.txt",), "key") for name in names]
    assert [len(table) for table in tables] == [7612, 4000, 2169, 817]
    assert [set(table["label"]) for table in tables] == [{0}, {0}, {1}, {1}]
    assert all((table["size"] == 768).all() for table in tables)
    # the tiles of normal and of tumour test slides are of different slides
    assert not set(tables[1]["slide"]) & set(tables[3]["slide"])
