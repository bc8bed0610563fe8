import pandas as pd
import pytest

from pipeline.data.xrays.files import locate_images
from pipeline.errors import PipelineError


def inventory(*paths: str) -> pd.DataFrame:
    return pd.DataFrame({"path": list(paths), "bytes": 1, "md5": "0"})


def test_images_are_found_in_one_folder_or_in_the_twelve_of_the_archives() -> None:
    paths = ["images/a.png", "images_001/images/b.png", "images_003.tar.gz/images/d.png", "images_012/c.png"]
    others = ["thumbnails/d.png", "images/deep/e.png", "images/notes.txt", "images/../f.png", "g.png"]
    assert locate_images(inventory(*paths, *others), None)["source"].tolist() == paths


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(PipelineError, match=r"images/a\.png and images_001/images/a\.png have the same name"):
        locate_images(inventory("images/a.png", "images_001/images/a.png"), None)


def test_a_table_may_name_any_picture() -> None:
    found = locate_images(inventory("a/1.PNG", "a/2.jpg", "b.jpeg", "c.DCM", "xrays.csv", "notes.txt"), "xrays.csv")
    assert found["id"].tolist() == found["source"].tolist() == ["a/1.PNG", "a/2.jpg", "b.jpeg", "c.DCM"]


def test_a_table_may_name_files_of_an_export_without_an_ending() -> None:
    export = ["a.b/IM000001", "a.b/1.2.840.113619.2", "I7"]
    others = ["a.b/DICOMDIR", "a.b/viewer.exe", "films.tar.gz", "a.txt~"]
    assert locate_images(inventory(*export, *others), "xrays.csv")["source"].tolist() == export


def test_the_layout_of_nih_is_of_png_alone() -> None:
    assert locate_images(inventory("images/a.png", "images/b.dcm", "images/IM1"), None)["id"].tolist() == ["a.png"]
