import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from pipeline.files import write_picture
from pipeline.reporting.html import html_page
from pipeline.reporting.tables import folded, table
from tests.browser import Visitor
from tests.import_closure import ROOT

TEXT = """# Report

## Results

| arm | ours |
|-----|------|
| a   | 70.5 |

![roc](figures/a-roc.png) ![Gallery](arms/gallery.png)

## nih_pa

<script>document.title = "caught"</script>

```yaml
train: {}
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    for name, width in (("figures/a-roc.png", 420), ("arms/gallery.png", 1069)):
        write_picture(tmp_path / name, np.full((200, width, 3), (200, 30, 30), np.uint8))
    (tmp_path / "report.html").write_text(html_page(TEXT, tmp_path), encoding="utf-8")
    return tmp_path / "report.html"


def test_pictures_are_inside_and_look_as_they_did(page: Path) -> None:
    pictures = re.findall(r'src="data:image/webp;base64,([^"]+)"', page.read_text(encoding="utf-8"))
    assert len(pictures) == 2
    with Image.open(io.BytesIO(base64.b64decode(pictures[0]))) as image:
        assert image.size == (420, 200)
        assert np.abs(np.asarray(image.convert("RGB"), int) - (200, 30, 30)).max() <= 6


def test_the_same_report_is_the_same_page(page: Path) -> None:
    assert html_page(TEXT, page.parent) == page.read_text(encoding="utf-8")


def test_html_in_the_report_is_shown_and_not_obeyed(page: Path, visit: Visitor) -> None:
    opened = visit(page)
    assert opened.page.title() == "Report"
    assert 'document.title = "caught"' in opened.page.inner_text("body")


def shown(folder: Path, text: str, visit: Visitor, width: int = 1400) -> Page:
    """A page of a text."""
    (folder / "page.html").write_text(html_page(text, folder), encoding="utf-8")
    return visit(folder / "page.html", width).page


def test_what_is_folded_is_hidden_until_it_is_opened_and_only_that(tmp_path: Path, visit: Visitor) -> None:
    parts = [folded(f"part {name}", f"### Inside {name}\n\n{table([{'a': name}])}") for name in ("A & <B>", "C")]
    opened = shown(tmp_path, "\n".join(["# Report\n", *parts, "Below.\n"]), visit)
    headings = opened.locator("h3")
    assert opened.locator("summary").all_inner_texts() == ["part A & <B>", "part C"]
    assert [heading.is_visible() for heading in headings.all()] == [False, False]
    opened.locator("summary").first.click()
    assert [heading.is_visible() for heading in headings.all()] == [True, False]
    assert opened.get_by_text("Below.").locator("xpath=ancestor::details").count() == 0


@pytest.mark.parametrize("width", [420, 1400])
def test_a_table_in_a_fold_says_that_it_scrolls_where_it_is_cut_off(tmp_path: Path, visit: Visitor, width: int) -> None:
    wide = table([{f"column {number}": "a wide cell of text" for number in range(6)}])
    opened = shown(tmp_path, folded("wide", wide), visit, width)
    opened.locator("summary").click()
    opened.wait_for_timeout(100)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    hint = opened.locator("div.wide").evaluate("e => getComputedStyle(e, '::before').fontSize")
    assert hint == ("12px" if width == 420 else "0px")


@pytest.mark.parametrize(
    "text",
    [
        "<details open>\n<summary>x</summary>",
        "<details>\n<summary><script>document.title = 'caught'</script></summary>",
        "<details>\n<summary onclick=x>x</summary>",
        "<details>\n<summary>x</summary> <img src=x>",
        "- </details>",
    ],
)
def test_what_is_no_plain_fold_is_shown_and_not_obeyed(tmp_path: Path, visit: Visitor, text: str) -> None:
    opened = shown(tmp_path, f"# Report\n\n{text}\n\nBelow.\n", visit)
    assert opened.title() == "Report"
    assert opened.locator("details, summary, img").count() == 0
    assert text.removeprefix("- ").splitlines()[-1] in opened.inner_text("body")


def test_nothing_but_what_is_inside_can_be_loaded(page: Path) -> None:
    assert "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\"" in page.read_text(
        encoding="utf-8"
    )


def test_sections_can_be_jumped_to(page: Path, visit: Visitor) -> None:
    opened = visit(page).page
    links = opened.locator("nav a")
    assert links.all_inner_texts() == ["Results", "nih_pa"]
    for link in links.all():
        assert opened.locator(str(link.get_attribute("href"))).count() == 1


@pytest.mark.parametrize("width", [400, 1400])
def test_the_committed_report_opens_offline_and_fits_the_window(visit: Visitor, width: int) -> None:
    opened = visit(ROOT / "reports" / "report.html", width)
    assert (opened.requests, opened.errors) == ([], [])
    pictures = opened.page.locator("img").all()
    assert len(pictures) >= 16
    for picture in pictures:
        assert str(picture.get_attribute("src")).startswith("data:image/webp;base64,")
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    letters = opened.page.locator("p, li, td").evaluate_all(
        "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(letters) >= 12


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed report as this code turns it into a page."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    text = (ROOT / "reports" / "report.md").read_text(encoding="utf-8")
    path.write_text(html_page(text, ROOT / "reports"), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "least"), [(420, 6), (900, 1), (1400, 0)])
def test_just_what_is_wider_than_the_window_says_that_it_scrolls(
    report: Path, visit: Visitor, width: int, least: int
) -> None:
    page = visit(report, width).page
    page.locator("details").evaluate_all("all => all.forEach(e => e.open = true)")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.locator("div.wide, p.sheet")
    cut_off = wide.evaluate_all("all => all.map(e => e.scrollWidth > e.clientWidth)")
    hints = wide.evaluate_all("all => all.map(e => getComputedStyle(e, '::before')).map(s => [s.content, s.fontSize])")
    assert {content for content, _ in hints} == {'"↔ scroll sideways for what is cut off"'}
    assert [size for _, size in hints] == ["12px" if cut else "0px" for cut in cut_off]
    assert sum(cut_off) >= least
    assert not all(cut_off)


def test_the_hint_is_still_there_when_scrolled_to_the_end(report: Path, visit: Visitor) -> None:
    page = visit(report, 420).page
    table = page.locator("div.wide").first
    table.evaluate("e => e.scrollLeft = e.scrollWidth")
    page.wait_for_timeout(100)
    assert table.evaluate("e => [e.scrollLeft > 0, getComputedStyle(e, '::before').fontSize]") == [True, "12px"]


def test_a_sheet_is_not_drawn_larger_than_it_is(page: Path, visit: Visitor) -> None:
    picture = visit(page, 1400).page.locator("img[alt=Gallery]")
    assert picture.evaluate("image => [image.clientWidth, image.naturalWidth]") == [1069, 1069]
