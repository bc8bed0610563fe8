"""The page of new images in a real browser: it works at any width, and no name can harm it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from pipeline.scoring.page import REPORT
from pipeline.scoring.page_text import plain
from tests.browser import Visit, Visitor
from tests.scoring.pages import HOSTILE, draw, model, results, written


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 230 inputs: 12 flagged ones, hostile names among them, 3 failed ones and 4 strange ones."""
    out = tmp_path_factory.mktemp("page")
    scores: dict[str, float | str] = {f"films/{number:03d}.png": 1 + number / 256 for number in range(215)}
    scores |= {name: 3.0 + number for number, name in enumerate(HOSTILE)}
    scores |= {"films/top.png": 20.0, "films/second.png": 19.0}
    scores |= {f"films/failed-{number}.dcm": f"it is no film {number}" for number in range(3)}
    for name in [*HOSTILE, "films/top.png", "films/second.png"]:
        draw(out, name)
    table = results(model(), scores, strange=[f"films/00{number}.png" for number in range(4)])
    written(out, model(), table)
    return out / REPORT


def names(opened: Page) -> list[str]:
    return opened.locator("#inputs tbody th").all_inner_texts()


def press(opened: Page, head: str) -> None:
    opened.locator(f"#inputs [data-column={head}] button").click()


HEIGHTS = """all => all.map(cell => {
  const content = document.createRange();
  content.selectNodeContents(cell);
  return content.getBoundingClientRect().height;
})"""


@pytest.fixture(params=[390, 1280])
def visited(page: Path, visit: Visitor, request: pytest.FixtureRequest) -> Visit:
    return visit(page, request.param)


def test_it_opens_offline_without_error_and_never_scrolls_sideways(visited: Visit) -> None:
    opened = visited.page
    assert opened.viewport_size
    width = opened.viewport_size["width"]
    for head in ("name", "reason", "reason", "score"):
        press(opened, head)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        assert opened.locator(".wide").evaluate("e => e.scrollWidth <= e.clientWidth")
        assert max(opened.locator("#inputs td:not(.reason, .empty)").evaluate_all(HEIGHTS)) < 30  # a number is one line
    for picture in opened.locator("img").all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    letters = opened.locator("p, li, td, th, text, button").evaluate_all(
        "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(letters) >= 12
    assert opened.title() == "Anomaly scores of new images"
    assert (visited.requests, visited.errors) == ([], [])


def test_a_head_sorts_and_sorts_back_and_what_is_missing_comes_last(visited: Visit) -> None:
    opened = visited.page
    assert names(opened)[:2] == ["films/top.png", "films/second.png"]
    press(opened, "score")
    assert names(opened)[:2] == ["films/000.png", "films/001.png"]
    assert opened.locator("#inputs [aria-sort]").evaluate_all(
        "all => all.map(e => [e.dataset.column, e.ariaSort])"
    ) == [["score", "ascending"]]
    opened.click("#end")
    assert names(opened)[-3:] == [f"films/failed-{number}.dcm" for number in range(3)]
    press(opened, "p")
    assert names(opened)[0] == HOSTILE[0]  # the smallest p, of which it is the first input
    press(opened, "reason")
    assert names(opened)[:3] == [f"films/failed-{number}.dcm" for number in range(3)]
    press(opened, "appearance_p")
    assert names(opened)[:4] == [f"films/00{number}.png" for number in range(4)]
    assert opened.locator("#inputs tbody tr:first-child .odd").inner_text() == "strange"
    assert visited.errors == []


@pytest.mark.parametrize(("kind", "count"), [("all", 230), ("flagged", 12), ("failed", 3), ("strange", 4)])
def test_a_filter_shows_only_what_it_says(page: Path, visit: Visitor, kind: str, count: int) -> None:
    opened = visit(page).page
    label = opened.locator(f"fieldset label:has([value={kind}])")
    assert label.inner_text() == f"{kind} {count}"
    label.click()
    assert opened.locator("#range").inner_text() == f"1 to {min(count, 50)} of {count}"
    marks = {"flagged": ".badge.flag", "failed": "td.reason:not(.empty)", "strange": ".badge.odd"}
    rows = opened.locator("#inputs tbody tr")
    assert rows.count() == min(count, 50)
    if kind != "all":
        assert rows.filter(has=opened.locator(marks[kind])).count() == count


def test_a_text_is_found_in_names_and_reasons(visited: Visit) -> None:
    opened = visited.page
    opened.fill("#contains", "FILMS/01")
    assert opened.locator("#range").inner_text() == "1 to 10 of 10"
    assert set(names(opened)) == {f"films/01{number}.png" for number in range(10)}
    opened.fill("#contains", "no film 2")
    assert names(opened) == ["films/failed-2.dcm"]
    opened.fill("#contains", "[")
    assert opened.locator("#range").inner_text() == "nothing fits"
    opened.press("#contains", "Enter")
    assert visited.errors == []


def test_rows_are_turned_page_by_page(page: Path, visit: Visitor) -> None:
    opened = visit(page).page
    where = opened.locator("#range")
    assert opened.locator("#back").is_disabled()
    opened.click("#next")
    assert where.inner_text() == "51 to 100 of 230"
    opened.click("#end")
    assert where.inner_text() == "201 to 230 of 230"
    assert opened.locator("#next").is_disabled()
    opened.click("#back")
    assert where.inner_text() == "151 to 200 of 230"
    opened.click("#start")
    assert where.inner_text() == "1 to 50 of 230"


def test_names_are_shown_and_not_obeyed(page: Path, visit: Visitor) -> None:
    visited = visit(page)
    opened = visited.page
    opened.locator("fieldset label:has([value=flagged])").click()
    assert {plain(name) for name in HOSTILE} <= set(names(opened))
    assert {plain(name) for name in HOSTILE} <= set(opened.locator(".card h3").all_inner_texts())
    assert opened.title() == "Anomaly scores of new images"
    assert (visited.requests, visited.errors) == ([], [])


def test_a_name_leads_to_its_picture(page: Path, visit: Visitor) -> None:
    opened = visit(page).page
    opened.locator("#inputs tbody a").first.click()
    card = opened.locator(".card:target")
    assert card.locator("h3").inner_text() == "films/top.png"
    assert opened.locator("#inputs tbody a").count() == 12


def test_the_keyboard_reaches_everything_and_where_it_is_can_be_seen(visited: Visit) -> None:
    opened = visited.page
    opened.locator("#filters [value=all]").focus()
    reached = []
    for _ in range(12):
        reached.append(opened.evaluate("document.activeElement.id || document.activeElement.textContent"))
        outline = opened.evaluate(
            """() => {
              const at = document.activeElement;
              return getComputedStyle(at.type === "radio" ? at.nextElementSibling : at).outline;
            }"""
        )
        assert "solid 3px" in outline, reached
        opened.keyboard.press("Tab")
    assert reached[1:5] == ["contains", "next", "end", "name"]
    opened.locator("#inputs [data-column=name] button").focus()
    opened.keyboard.press("Enter")
    assert opened.locator("#inputs [data-column=name]").get_attribute("aria-sort") == "ascending"
    opened.locator("#filters [value=all]").focus()
    opened.keyboard.press("ArrowRight")
    assert opened.locator("#range").inner_text() == "1 to 12 of 12"


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """WCAG 2's contrast of two colours, from 1 to 21."""

    def luminance(colour: Sequence[float]) -> float:
        shares = np.array(colour[:3]) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722]) + 0.05

    dark, bright = sorted([luminance(one), luminance(other)])
    return bright / dark


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_light_and_dark(page: Path, visit: Visitor, scheme: Any) -> None:
    opened = visit(page).page
    opened.emulate_media(color_scheme=scheme)

    def colour(selector: str, kind: str) -> list[float]:
        found = opened.locator(selector).first.evaluate(f"e => getComputedStyle(e).{kind}")
        return [float(number) for number in re.findall(r"[\d.]+", found)]

    back = colour("body", "backgroundColor")
    assert (sum(back[:3]) > 600) == (scheme == "light")
    assert contrast(colour(".warning", "color"), colour(".warning", "backgroundColor")) >= 4.5
    for selector, kind in [
        ("body", "color"), ("a", "color"), ("#failures h2", "color"), ("figcaption", "color"), (".badge.flag", "color"),
        ("svg text", "fill"), ("svg text.threshold", "fill"),
    ]:  # fmt: skip
        assert contrast(colour(selector, kind), back) >= 4.5, selector


@pytest.mark.slow
def test_100_000_inputs_stay_usable(tmp_path: Path, visit: Visitor) -> None:
    scores = np.random.default_rng(0).gamma(9, 0.18, 100_000).round(6)
    given = [f"a-folder/of-some-hospital/{number:08d}_000.png" for number in range(100_000)]
    written(tmp_path, model(), results(model(), dict(zip(given, scores.tolist(), strict=True))))
    assert (tmp_path / REPORT).stat().st_size < 12e6
    opened = visit(tmp_path / REPORT, 390).page
    press(opened, "name")
    assert names(opened)[0] == given[0]
    press(opened, "score")
    assert names(opened)[0] == given[int(scores.argmax())]
    opened.fill("#contains", "00099999")
    assert names(opened) == [given[-1]]
