"""Texts of others that land in pages: markup stays text, whatever reader shows the page."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from pipeline.data.slides.page import slide_page
from pipeline.reporting.html import html_page
from pipeline.reporting.tables import table
from tests.hostile.inputs import NIH, list_and_split_xrays, put, write_with_table
from tests.hostile.oracle import Line, outcome
from tests.hostile.oracle import lines as rows_of
from tests.hostile.pictures import png

MARKUP = {
    "script": "<script>alert(1)</script>",
    "picture": "<img src=x onerror=alert(1)>",
    "frame": "<iframe src=http://localhost></iframe>",
    "end_of_table": "</table></div><h1>x",
    "comment": "<!-- hidden",
    "unclosed": "<a href='http://localhost'",
    "link": "[x](http://localhost)",
    "link_with_code": "[x](javascript:alert(1))",
    "markdown_picture": "![x](http://localhost/x.png)",
    "automatic_link": "<http://localhost>",
    "code": "`x`",
    "bold": "**x**",
    "struck": "~~x~~",
    "entity": "&lt;script&gt;",
    "heading": "# x",
    "rule": "---",
}
# Column → the elements of a page where nothing is amiss, made once.
PLAIN: dict[str, list[str]] = {}
LINES = rows_of(*(Line(name, text, "") for name, text in MARKUP.items()))


def tags(page: str) -> list[str]:
    """The elements that a reader makes of Markdown who obeys HTML in it."""
    shown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(page)
    return re.findall(r"<\s*[a-zA-Z!/][a-zA-Z0-9]*", shown)


def split_markdown(column: str, value: str) -> str:
    """split.md of a collection in which a value stands in a column; empty where the value is refused."""
    rows = [
        {"path": f"{name}.png", "patient": name, "view": "PA", "findings": "", "split": split, "sex": "F"}
        for name, split in (("a", "train"), ("b", "test"), ("c", "test"))
    ]
    rows[2]["findings"] = "Mass"
    rows[2][column] = value
    put(NIH / "xrays.csv", pd.DataFrame(rows).to_csv(index=False))
    for number, row in enumerate(rows):
        put(NIH / row["path"], png() + bytes([number]))
    write_with_table()
    if outcome(list_and_split_xrays).sentence:
        return ""
    return Path("reports/data/nih_pa/split.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("column", ["findings", "sex"])
@LINES
def test_the_page_of_a_split(line: Line, column: str) -> None:
    page = split_markdown(column, line.made)
    if column not in PLAIN:
        PLAIN[column] = tags(split_markdown(column, "plain"))
    assert not page or tags(page) == PLAIN[column]


@LINES
def test_the_page_of_slides(line: Line) -> None:
    def page(text: str) -> str:
        row: dict[str, Any] = {
            "name": text, "role": "train", "status": "failed", "reason": text, "warnings": text, "scale": 0.25,
            "width": 1, "height": 1, "tissue": 0.5, "pen": 0.0, "black": 0.0, "blur": 0.0, "candidates": 1,
            "tiles": 1, "prepared": 0,
        }  # fmt: skip
        return slide_page(pd.DataFrame([row]), "demo_slides", "vahadane")

    assert tags(page(line.made)) == tags(page("plain"))


@LINES
def test_a_table_of_the_report(line: Line) -> None:
    def page(text: str) -> str:
        return table([{"finding": text, text: "value"}])

    assert tags(page(line.made)) == tags(page("plain"))
    names = re.findall(r"<\w+", html_page(page(line.made), Path()))
    assert names == re.findall(r"<\w+", html_page(page("plain"), Path()))
