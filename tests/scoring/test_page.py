"""The page of new images: what it says, that no name can harm it, and that it works in a browser."""

import json
import re
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page
from scipy import stats

from pipeline.compute.device import Workplace
from pipeline.data.steps import ThumbnailSteps
from pipeline.data.xrays.preparation import Preparation
from pipeline.evaluation.appearance import Appearance
from pipeline.evaluation.calibration import Calibration
from pipeline.features.covariance import Spread
from pipeline.files import write_picture
from pipeline.scoring.images import picture_name
from pipeline.scoring.model import Model
from pipeline.scoring.page import REPORT, write_page
from pipeline.scoring.page_text import plain
from pipeline.scoring.results import facts_of, with_q
from pipeline.scoring.slides import NO_P
from tests.browser import Visit, Visitor

STEPS = ThumbnailSteps(thumbnail_size=40, crop_size=32, working_size=32, equalization="histogram")
HOSTILE = [
    '<script>document.title = "caught"</script>.png',
    '</script><script>document.title = "caught"</script>',
    '"><img src="http://elsewhere.invalid/" onerror="document.title = 1">.png',
    "' onmouseover='document.title = 1' &lt;b&gt;.png",
    "<!--<script>.png",
    "{name} %s \\u003c.png",
    "two\nlines\r.png",
    "picture\u202egnp.exe",
    "שלום.png",
    "long" * 50 + ".png",
]


def model(normals: int = 199) -> Model:
    """A model whose held-out normals have scores from 1 to 2; its detector is not asked."""
    known = Calibration(np.linspace(1, 2, normals))
    looks = Appearance(Spread(np.zeros(20), np.eye(20)), known)
    detector: Any = None
    return Model(
        Path("/home/somebody/model.pt"), "0" * 32, "knn", "xrays", detector,
        Preparation(generated=True, view=None, steps=STEPS), known, looks, map_top=2.0, side=None,
    )  # fmt: skip


def results(known: Model, scores: dict[str, float | str], strange: Sequence[str] = ()) -> pd.DataFrame:
    """The table of inputs, each of which has a score or a reason why it has none."""
    numbers = np.array([np.nan if isinstance(score, str) else score for score in scores.values()])
    read = np.isfinite(numbers)
    table = pd.DataFrame({"name": [*scores], "path": "/home/somebody/images/x.png", "md5": "0" * 32})
    table["status"] = np.where(read, "ok", "failed")
    table["reason"] = [score if isinstance(score, str) else "" for score in scores.values()]
    table["score"] = numbers
    table["percentile"] = np.where(read, known.calibration.percentiles(numbers), np.nan)
    table["p"] = np.where(read, known.calibration.p_values(numbers), np.nan)
    table["flagged"] = read & known.calibration.flagged(numbers, 0.05)
    table["appearance_p"] = np.where(read, np.where(table["name"].isin(strange), 0.005, 0.4), np.nan)
    return with_q(table)


def written(out: Path, known: Model, table: pd.DataFrame) -> str:
    write_page(out, table, facts_of(known, Workplace(), table, 0.05), known)
    return (out / REPORT).read_text(encoding="utf-8")


def text_of(page: str) -> str:
    """What a reader sees of it without the table, in one line."""
    body = re.sub(r"<(script|style)\b.*?</\1>", "", page.partition("<body>")[2], flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", "", body)))


def data_of(page: str) -> dict[str, list[Any]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    content: dict[str, list[Any]] = json.loads(found[1])
    return content


def draw(out: Path, name: str, side: int = 32, map_side: int | None = 32) -> None:
    path = out / f"pictures/{picture_name(name)}.png"
    write_picture(path, np.full((side, side, 3), 90, np.uint8))
    if map_side:
        write_picture(path.with_suffix(".map.png"), np.full((map_side, map_side, 3), 200, np.uint8))


def test_failures_come_first_each_with_its_reason(tmp_path: Path) -> None:
    table = results(model(), {"films/a.dcm": "a.dcm: it is a CT image: leave it out", "films/b.png": 1.5})
    seen = text_of(written(tmp_path, model(), table))
    assert seen.index("1 of 2 inputs not scored") < seen.index("What was done")
    assert "films/a.dcm: it is a CT image: leave it out" in seen


def test_of_many_failures_some_are_listed_and_the_table_has_all(tmp_path: Path) -> None:
    page = written(tmp_path, model(), results(model(), {f"{number:03d}.png": "it is empty" for number in range(50)}))
    assert page.count("<li>") == 20
    assert "And 30 more: show those that failed" in text_of(page)
    assert data_of(page)["reason"] == ["it is empty"] * 50
    assert "Nothing was scored that has a place among held-out normals." in text_of(page)


def test_nothing_is_said_of_failures_where_there_are_none(tmp_path: Path) -> None:
    page = written(tmp_path, model(), results(model(), {"b.png": 1.5}))
    assert 'id="failures"' not in page


def test_one_sentence_says_what_was_done_and_how_many_false_alarms_to_expect(tmp_path: Path) -> None:
    seen = text_of(written(tmp_path, model(), results(model(), {"a.png": 3.0, "b.png": 1.5, "c.png": "it is empty"})))
    low, high = stats.beta(10, 190).ppf([0.025, 0.975])  # its mean is 10 / 200; the threshold is the tenth highest
    assert (
        "model.pt (kNN, for X-rays) scored 2 of 3 inputs and flagged 1 at a level of 5 %, those that score above "
        f"{2 - 9 / 198:.4g}; of normal images like the model's own, 5 % are to be expected above it, as false alarms "
        f"(95 % range {100 * low:.3g} % to {100 * high:.3g} %, since 199 held-out normals tell no more)."
    ) in seen


def test_with_too_few_normals_it_says_that_there_is_no_threshold(tmp_path: Path) -> None:
    page = written(tmp_path, model(18), results(model(18), {"a.png": 3.0}))
    assert (
        "scored 1 of 1 inputs; none can be flagged at a level of 5 %, and there is no threshold, since that takes 19 "
        "held-out normals and the model has 18."
    ) in text_of(page)
    assert '<line class="threshold"' not in page


def test_each_number_is_explained_and_where_it_does_not_hold(tmp_path: Path) -> None:
    page = written(tmp_path, model(), results(model(), {"a.png": 3.0}))
    assert re.findall("<dt>(.*?)</dt>", page) == ["score", "percentile", "p", "q", "appearance p"]
    seen = text_of(page)
    assert "hold only for X-rays made like the model's own: by the same scanner, at the same site" in seen
    assert "With 199 held-out normals, no p is below 0.005." in seen


def test_images_that_look_unlike_the_models_own_are_counted_and_marked(tmp_path: Path) -> None:
    draw(tmp_path, "odd.png")
    draw(tmp_path, "usual.png")
    page = written(tmp_path, model(), results(model(), {"odd.png": 3.0, "usual.png": 3.5}, strange=["odd.png"]))
    assert "1 of the new X-rays looks unlike them and is marked as strange" in text_of(page)
    assert data_of(page)["strange"] == [1, 0]
    usual, odd = page.split("<article")[1:]
    assert "It looks unlike the model's own images (appearance p 0.005)" in odd
    assert "looks unlike" not in usual.partition("</article>")[0]


def test_it_says_if_no_image_can_be_marked_as_strange(tmp_path: Path) -> None:
    seen = text_of(written(tmp_path, model(50), results(model(50), {"a.png": 1.5})))
    assert "None can be marked as strange: that takes 99 held-out normals, and the model has 50." in seen


def test_slides_have_a_score_but_no_place_among_the_normals(tmp_path: Path) -> None:
    table = results(model(), {"a.tif": 9.0, "b.png": 1.5})
    columns = ["percentile", "p", "q", "appearance_p"]
    table.loc[0, columns], table.loc[0, "flagged"] = np.nan, False
    table["warnings"] = ["80% of the tiles look unlike any held-out normal's", np.nan]
    facts = facts_of(model(), Workplace(), table, 0.05) | {"slides": {"p": NO_P}}
    write_page(tmp_path, table, facts, model())
    page = (tmp_path / REPORT).read_text(encoding="utf-8")
    assert f"Mind that {NO_P}." in text_of(page)
    assert "1 new images" in text_of(page)
    data = data_of(page)
    assert (data["score"], [data[column][0] for column in columns]) == ([9.0, 1.5], [None] * 4)
    assert data["flagged"] == [0, 0]
    assert data["reason"] == ["80% of the tiles look unlike any held-out normal's", ""]

    write_page(tmp_path, table[:1], facts, model())
    alone = text_of((tmp_path / REPORT).read_text(encoding="utf-8"))
    assert "inputs. Mind that" in alone
    assert "flagged 0" not in alone.partition("All inputs")[0]
    assert "Nothing was scored that has a place among held-out normals." in alone


def test_the_threshold_is_drawn_where_it_lies_on_the_axis(tmp_path: Path) -> None:
    page = written(tmp_path, model(), results(model(), {"a.png": 1.0, "b.png": 2.0}))
    line = re.search(r'<line class="threshold" x1="([\d.]+)%"', page)
    assert line
    # From 1 to 2, with a margin of 2 % on each side.
    assert float(line[1]) == pytest.approx(100 * (2 - 9 / 198 - 0.98) / 1.04, abs=0.01)


def test_a_score_far_away_does_not_flatten_the_histogram(tmp_path: Path) -> None:
    page = written(tmp_path, model(), results(model(), {"a.png": 1e9, "b.png": 1.5}))
    assert "Scores beyond an end stand in its last bar: 1." in text_of(page)
    line = re.search(r'<line class="threshold" x1="([\d.]+)%"', page)
    assert line
    assert float(line[1]) > 10


@pytest.mark.parametrize(("normals", "scores"), [(0, [1.5]), (1, [1.0]), (3, [0.0, 0.0]), (30, [-1e300, 1e300])])
def test_any_scores_can_be_drawn(tmp_path: Path, normals: int, scores: list[float]) -> None:
    known = model(normals)
    table = results(known, {f"{number}.png": score for number, score in enumerate(scores)})
    drawn = re.search(r'<path class="new" d="([^"]+)"', written(tmp_path, known, table))
    assert drawn
    assert all(0 <= float(height) <= 1 for height in re.findall(r"1V([\d.]+)h", drawn[1]))


def test_cards_show_the_highest_scores_200_at_most(tmp_path: Path) -> None:
    names = [f"{number:03d}.png" for number in range(205)]
    for name in names[:-1]:
        draw(tmp_path, name)
    page = written(tmp_path, model(), results(model(), {name: 1 + number / 100 for number, name in enumerate(names)}))
    shown = re.findall(r'id="image-(\d+)"', page)
    assert [int(row) for row in shown] == [*range(203, 3, -1)]
    assert page.count("data:image/webp;base64,") == 400
    assert "The 200 images with the highest scores of those that were drawn, 200 at most." in text_of(page)


def test_without_pictures_it_says_how_to_have_them(tmp_path: Path) -> None:
    seen = text_of(written(tmp_path, model(), results(model(), {"a.png": 1.5})))
    assert "No pictures were drawn: --maps all draws all." in seen


def test_the_part_of_an_image_that_a_map_belongs_to_is_framed(tmp_path: Path) -> None:
    draw(tmp_path, "whole.png")
    draw(tmp_path, "middle.png", side=64, map_side=32)
    draw(tmp_path, "none.png", map_side=None)
    page = written(tmp_path, model(), results(model(), {"none.png": 1.1, "middle.png": 1.2, "whole.png": 1.3}))
    whole, middle, none = page.split("<article")[1:]
    assert (whole.count("<img"), middle.count("<img"), none.count("<img")) == (2, 2, 1)
    assert "frame" not in whole
    assert '<span class="frame" style="inset: 25.00% 25.00%">' in middle


def test_large_images_are_made_small(tmp_path: Path) -> None:
    table = results(model(), {"a.png": 3.0})
    before = len(written(tmp_path, model(), table))
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3), np.uint8)  # no picture takes more room
    write_picture(tmp_path / f"pictures/{picture_name('a.png')}.png", noise)
    assert len(written(tmp_path, model(), table)) - before < 100_000


def test_the_page_holds_no_place_and_asks_for_nothing(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    page = written(tmp_path, model(), results(model(), {"a.png": 3.0, "b.png": "it is empty"}))
    assert "/home" not in page
    assert str(tmp_path) not in page
    assert "http" not in page.replace("http-equiv", "")
    policy = re.search('Content-Security-Policy" content="(.*?)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-")
    assert policy[1].count("unsafe") == 1


def test_no_name_or_reason_ends_up_as_html(tmp_path: Path) -> None:
    for name in HOSTILE:
        draw(tmp_path, name)
    scores: dict[str, float | str] = dict.fromkeys(HOSTILE, 3.0)
    page = written(tmp_path, model(), results(model(), scores | {f"broken {name}": name for name in HOSTILE}))
    assert page.count("<script") == page.count("</script>") == 2
    assert page.count("<article") == page.count("</article>") == len(HOSTILE)
    assert page.count("<img") == 2 * len(HOSTILE)
    assert "<!--" not in page
    assert data_of(page)["name"][: len(HOSTILE)] == [plain(name) for name in HOSTILE]


def test_hidden_characters_are_shown() -> None:
    assert plain("a\u202eb\nc\ud800") == "a⟨U+202E⟩b⟨U+000A⟩c⟨U+D800⟩"
    assert plain("Röntgen שלום 胸.png") == "Röntgen שלום 胸.png"


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        draw(tmp_path / folder, "a.png")
    table = results(model(), {"a.png": 3.0, "b.png": "it is empty"})
    assert written(tmp_path / "one", model(), table) == written(tmp_path / "two", model(), table)


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
