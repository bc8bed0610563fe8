import numpy as np
import pandas as pd
from markdown_it import MarkdownIt

from pipeline.data.slides.page import slide_page


def status(**changes: list) -> pd.DataFrame:
    columns = {
        "name": ["normal_001", "normal_002", "normal_003"],
        "role": ["train", "train", ""],
        "status": ["ok", "failed", "unused"],
        "reason": ["", "cannot be opened", "named in arms/x.yaml:collection.excluded"],
        "warnings": ["pen on 3.0% of the tissue", "", ""],
        "width": [1000, np.nan, np.nan],
        "height": [2000, np.nan, np.nan],
        "candidates": [30, np.nan, np.nan],
        "tiles": [20, np.nan, np.nan],
        "prepared": [19, 0, 0],
    }
    measured = {"scale": 0.243, "tissue": 0.25, "pen": 0.03, "black": 0.01, "blur": 0.31}
    measures = {key: [value, np.nan, np.nan] for key, value in measured.items()}
    return pd.DataFrame(columns | measures | changes)


def cells(page: str, name: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if f" {name} " in line]


def test_every_slide_is_listed_and_what_is_worth_a_look_comes_first():
    page = slide_page(status(), "x", "vahadane")
    worth, everything = page.split("## All slides")
    assert cells(worth, "normal_001") == [["normal_001", "train", "ok", "", "pen on 3.0% of the tissue"]]
    assert cells(worth, "normal_002") == [["normal_002", "train", "failed", "cannot be opened", ""]]
    assert cells(everything, "normal_001") == [
        ["normal_001", "train", "ok", "0.243", "1000", "2000", "25.0%", "3.0%", "1.0%", "0.31", "30", "20", "19"]
    ]
    assert cells(everything, "normal_002") == [["normal_002", "train", "failed", *["–"] * 9, "0"]]
    assert cells(everything, "normal_003")[0][1] == "–"


def test_a_clean_collection_has_nothing_worth_a_look():
    page = slide_page(status(status=["ok"] * 3, reason=[""] * 3, warnings=[""] * 3), "x", "vahadane")
    assert "## Worth a look\n\nNothing.\n" in page


def test_slides_and_tiles_are_counted_by_role_and_status():
    counts, _ = slide_page(status(), "x", "vahadane").split("![Some slides")
    assert cells(counts, "train") == [["train", "failed", "1", "0"], ["train", "ok", "1", "19"]]


def test_names_and_reasons_from_files_do_not_change_the_page():
    page = slide_page(status(reason=["", "<img src=x> a|b\nc", ""]), "x", "vahadane")
    assert r"\<img src=x\> a\|b c" in page
    assert "<img" not in MarkdownIt("commonmark").enable("table").render(page.split("## Worth")[1])


def test_an_arm_is_called_by_its_name():
    rendered = MarkdownIt("commonmark").render(slide_page(status(), "_mine_", "vahadane"))
    assert "<h1>_mine_: what became of 3 slides</h1>" in rendered
    assert "<code>data/interim/_mine_/overlays/</code>" in rendered
