"""The page of new images: what it says, and that it is safe and small."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipeline.files import write_picture
from pipeline.scoring.images import picture_name
from pipeline.scoring.page_text import plain
from pipeline.scoring.slides import NO_P
from tests.scoring.pages import (
    HOSTILE,
    data_of,
    draw,
    draw_slide,
    model,
    results,
    slides,
    text_of,
    written,
    written_slides,
)  # fmt: skip


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
    warning = "80% of the tiles look unlike any held-out normal's"
    slide = slides(model(), {"a.tif": 9.0}).assign(warnings=warning)
    draw_slide(tmp_path, "slides/0", np.ones((3, 3)))
    page = written_slides(tmp_path, model(), pd.concat([slide, results(model(), {"b.png": 1.5})], ignore_index=True))
    assert f"Mind that {NO_P}." in text_of(page)
    assert "1 new images" in text_of(page)
    data = data_of(page)
    columns = ["percentile", "p", "q", "appearance_p"]
    assert (data["score"], [data[column][0] for column in columns]) == ([9.0, 1.5], [None] * 4)
    assert data["flagged"] == [0, 0]
    assert data["reason"] == [warning, ""]
    assert "No pictures were drawn" in text_of(page)

    alone = text_of(written_slides(tmp_path, model(), slide))
    assert "No pictures were drawn" not in alone
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


def test_a_reconstruction_stands_between_an_image_and_its_map(tmp_path: Path) -> None:
    draw(tmp_path, "a.png", side=64)
    write_picture(tmp_path / f"pictures/{picture_name('a.png')}.reconstruction.png", np.zeros((32, 32, 3), np.uint8))
    page = written(tmp_path, model(), results(model(), {"a.png": 1.2}))
    assert re.findall("<figcaption>(.*?)</figcaption>", page.partition("<article")[2]) == [
        "prepared image", "reconstruction of the framed part", "anomaly map of the framed part",
    ]  # fmt: skip
    assert page.count('<span class="frame"') == 1


def test_large_images_are_made_small(tmp_path: Path) -> None:
    table = results(model(), {"a.png": 3.0})
    before = len(written(tmp_path, model(), table))
    noise = np.random.default_rng(0).integers(0, 255, (1500, 1500, 3), np.uint8)  # no picture takes more room
    write_picture(tmp_path / f"pictures/{picture_name('a.png')}.png", noise)
    assert len(written(tmp_path, model(), table)) - before < 100_000


def test_the_page_holds_no_place_and_asks_for_nothing(tmp_path: Path) -> None:
    draw(tmp_path, "a.png")
    page = written(tmp_path, model(), results(model(), {"a.png": 3.0, "b.png": "it is empty"}))
    assert "/a/place" not in page
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
