"""Slides on the page of new images in a real browser: what sliders change, and what is there without a script."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator

from pipeline.scoring.heat_levels import level_colours
from pipeline.scoring.page import REPORT
from tests.browser import Visit, Visitor
from tests.scoring.pages import draw_slide, model, slides, written_slides

LOW, HIGH, GLASS = (0.25, 0.5), (0.75, 0.25), (0.75, 0.75)  # across and down, on the slide
TISSUE = np.array((200, 120, 180))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A slide whose left half scores 1.25, while the right one scores 9 above and has no view below; and another."""
    out = tmp_path_factory.mktemp("slides")
    grid = np.full((40, 40), 1.25)
    grid[:20, 20:], grid[20:, 20:] = 9.0, np.nan
    draw_slide(out, "slides/0", grid)
    draw_slide(out, "slides/1", np.full((60, 12), 1.5))  # a slide is often long
    written_slides(out, model(), slides(model(), {"two halves.tif": 9.0, "long.tif": 1.5}))
    return out / REPORT


@pytest.fixture(params=[420, 1200])
def visited(page: Path, visit: Visitor, request: pytest.FixtureRequest) -> Visit:
    return visit(page, request.param)


def colours(card: Locator) -> list[np.ndarray]:
    """What is drawn at LOW, HIGH and GLASS."""
    with Image.open(io.BytesIO(card.locator(".overview").screenshot())) as shot:
        pixels = np.asarray(shot.convert("RGB")).astype(int)
    height, width = pixels.shape[:2]
    return [pixels[int(y * height), int(x * width)] for x, y in (LOW, HIGH, GLASS)]


def move(card: Locator, slider: str, value: int) -> str:
    card.get_by_label(slider).fill(str(value))
    return card.locator("label", has_text=slider).locator("output").inner_text()


def test_the_opacity_slider_lays_more_or_less_of_the_heat_map_over_the_slide(visited: Visit) -> None:
    card = visited.page.locator(".slide").first
    brightest = level_colours()[255].astype(int)
    for percent in (50, 100, 20, 0):
        if percent != 50:  # as it is at first
            assert move(card, "opacity", percent) == f"{percent} %"
        _, high, glass = colours(card)
        assert (
            np.abs(high - (TISSUE + percent / 100 * (brightest - TISSUE))).max() <= 6
        )  # WebP changes colours a little
        assert np.abs(glass - TISSUE).max() <= 6
    assert (visited.requests, visited.errors) == ([], [])


def test_the_threshold_slider_hides_the_views_below_it_and_says_which_are_left(visited: Visit) -> None:
    card = visited.page.locator(".slide").first
    move(card, "opacity", 100)
    dark, bright = level_colours()[[21, 255]].astype(int)
    low, high, _ = colours(card)
    assert np.abs(low - dark).max() < 40 < np.abs(low - TISSUE).max()
    assert np.abs(high - bright).max() <= 2
    assert move(card, "threshold", 100) == "400 views that score at least 2.118 (percentile 100)"
    low, high, _ = colours(card)
    assert np.abs(low - TISSUE).max() <= 6
    assert np.abs(high - bright).max() <= 2
    assert move(card, "threshold", 1) == "all 1,200 views"
    assert np.abs(colours(card)[0] - TISSUE).max() > 40
    assert (visited.requests, visited.errors) == ([], [])


def test_the_sliders_of_a_slide_change_no_other(visited: Visit) -> None:
    one, other = visited.page.locator(".slide").all()
    before = np.array(colours(other))
    move(one, "threshold", 200)
    move(one, "opacity", 90)
    assert np.abs(before - colours(other)).max() <= 2
    assert move(other, "threshold", 2).startswith("720 views")


def test_it_never_scrolls_sideways_and_a_long_slide_takes_no_more_room_than_others(visited: Visit) -> None:
    opened = visited.page
    assert opened.viewport_size
    assert opened.evaluate("document.documentElement.scrollWidth") <= opened.viewport_size["width"]
    for picture in opened.locator("img").all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    for box in (part.bounding_box() for part in opened.locator(".overview").all()):
        assert box
        assert 100 < max(box["width"], box["height"]) <= 640
    letters = opened.locator(".slide :is(li, p, output, label, figcaption, .bar, .place)")
    assert min(letters.evaluate_all("all => all.map(e => parseFloat(getComputedStyle(e).fontSize))")) >= 12


def test_the_keyboard_moves_the_sliders(page: Path, visit: Visitor) -> None:
    card = visit(page).page.locator(".slide").first
    threshold = card.get_by_label("threshold")
    threshold.focus()
    threshold.press("End")
    assert card.locator("output").nth(1).inner_text() == "400 views that score at least 9 (percentile 100)"
    assert "solid 3px" in threshold.evaluate("e => getComputedStyle(e).outline")


def test_without_scripts_the_pictures_are_there_and_sliders_are_not(page: Path, visit: Visitor) -> None:
    browser = visit(page).page.context.browser
    assert browser
    opened = browser.new_context(java_script_enabled=False, offline=True).new_page()
    opened.goto(page.as_uri())
    card = opened.locator(".slide").first
    assert card.locator("input").count() == 2
    assert not any(slider.is_visible() for slider in card.locator("input").all())
    _, high, glass = colours(card)
    assert np.abs(high - (TISSUE + level_colours()[255].astype(int)) / 2).max() <= 6
    assert np.abs(glass - TISSUE).max() <= 6
    assert card.locator(".places img").count() == 3


def test_a_name_in_the_table_leads_to_its_slide(page: Path, visit: Visitor) -> None:
    opened = visit(page).page
    opened.get_by_role("link", name="long.tif").click()
    assert opened.locator(".card:target h3").inner_text() == "long.tif"
