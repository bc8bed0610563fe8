"""Slides on the page of new images."""

import base64
import io
import json
import re
from html import unescape
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pipeline.reporting import html
from pipeline.scoring import page_slides
from pipeline.scoring.page_slides import HEAT_SIDE, colour_filter
from pipeline.scoring.page_text import plain
from tests.scoring.pages import HOSTILE, draw_slide, model, slides, text_of, written_slides


@pytest.fixture
def grid() -> np.ndarray:
    """Scores of views from 1 to 4 and a place of 9, with glass around; held-out normals score from 1 to 2."""
    scores = np.full((30, 40), np.nan)
    scores[2:28, 3:37] = np.random.default_rng(0).uniform(1, 4, (26, 34))
    scores[10:13, 20:23] = 9.0
    return scores


def heat_of(page: str) -> np.ndarray:
    found = re.search(r'class="heat" src="data:image/png;base64,([^"]+)"', page)
    assert found
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as picture:
        return np.asarray(picture)


def controls_of(page: str) -> dict[str, list[float]]:
    found = re.search('data-levels="(.*?)"', page)
    assert found
    content: dict[str, list[float]] = json.loads(unescape(found[1]))
    return content


def test_a_slide_is_shown_with_what_the_results_have_of_it(tmp_path: Path, grid: np.ndarray) -> None:
    draw_slide(tmp_path, "slides/0", grid)
    table = slides(model(), {"some/a.tif": 9.0}).assign(warnings="scale given by --microns-per-pixel")
    page = written_slides(tmp_path, model(), table)
    assert re.findall("<li>(.*?)</li>", page) == [
        "score 9", "highest view 10", "0.99 quantile of views 10", "90 views", "75 % of tissue scored",
    ]  # fmt: skip
    seen = text_of(page)
    for text in (
        "The slide with the highest score. A slide's score is the highest mean of 3×3 neighbouring views.",
        "dark is the lowest of the held-out normals' tiles, half bright the threshold",
        "scale given by --microns-per-pixel",
        "its files: slides/0/",
        "score 9, column 5,248, row 2,688, 512 px",  # the middle of 3 views of 256 px each, from (10, 20)
    ):
        assert text in seen
    placed = table.assign(p=0.01, q=0.02, percentile=99.0, flagged=True, flagged_share=0.5)
    facts = re.findall("<li>(.*?)</li>", written_slides(tmp_path, model(), placed))
    assert {"percentile 99", "p 0.01", "q 0.02", "50 % of views flagged"} < {*facts}
    assert facts[-1] == '<span class="badge flag">flagged</span>'


def test_the_heat_map_holds_every_score_and_the_slider_counts_them(tmp_path: Path, grid: np.ndarray) -> None:
    draw_slide(tmp_path, "slides/0", grid)
    page = written_slides(tmp_path, model(), slides(model(), {"a.tif": 9.0}))
    drawn, levels = heat_of(page), controls_of(page)
    assert ((drawn > 0) == np.isfinite(grid)).all()
    scores = grid.astype(np.float32)
    for level in (1, 60, 170, 200, 255):
        shown = scores >= np.float32(levels["score"][level - 1] if level > 1 else -1)
        assert levels["views"][level - 1] == (drawn >= level).sum()
        assert (shown != (drawn >= level)).mean() < 0.002  # a score is told with four digits
    assert levels["percentile"][-1] == 100
    assert levels["percentile"][0] == 0
    assert 'max="255"' in page


def test_heat_map_frames_and_bars_lie_where_they_belong(tmp_path: Path, grid: np.ndarray) -> None:
    draw_slide(tmp_path, "slides/0", grid)
    page = written_slides(tmp_path, model(), slides(model(), {"a.tif": 9.0}))
    heat = re.search(r'class="heat"[^>]*width: ([\d.]+)%; height: ([\d.]+)%', page)
    assert heat
    width, height = map(float, heat.groups())
    assert (width, height) == (pytest.approx(100, abs=0.2), pytest.approx(100, abs=0.2))
    frame = re.search(
        r'class="place" style="left: ([\d.]+)%; top: ([\d.]+)%; width: ([\d.]+)%; height: ([\d.]+)%"', page
    )
    assert frame
    expected = [100 * 5248 / 10240, 100 * 2688 / 7680, 100 * 512 / 10240, 100 * 512 / 7680]
    assert [float(share) for share in frame.groups()] == pytest.approx(expected, abs=0.2)
    bars = re.findall(r'class="bar"><span style="width: ([\d.]+)%"></span> ([^<]+)<', page)
    assert [says for _, says in bars] == ["500 µm", "20 µm", "20 µm", "20 µm"]
    # the slide is 10,240 px of 0.25 µm wide, a place 512
    assert [float(share) for share, _ in bars[:2]] == pytest.approx([100 * 500 / 2560, 100 * 20 / 128], abs=0.2)


def test_a_large_heat_map_shows_the_highest_of_some_views(tmp_path: Path) -> None:
    grid = np.random.default_rng(0).uniform(1, 2, (600, 300))
    grid[500, 100:103] = grid[501, 100:103] = 9.0
    grid[20, 20] = 5.0  # one alone
    draw_slide(tmp_path, "slides/0", grid, overview=np.zeros((1500, 750, 3), np.uint8))
    drawn = heat_of(written_slides(tmp_path, model(), slides(model(), {"a.tif": 9.0})))
    assert drawn.shape == (200, 100)
    assert max(drawn.shape) <= HEAT_SIDE
    assert drawn[166:168, 33:35].max() == 255
    assert drawn[6, 6] > 170 > np.median(drawn)


def test_without_a_scale_there_is_no_heat_map_and_it_says_so(tmp_path: Path, grid: np.ndarray) -> None:
    draw_slide(tmp_path, "slides/0", grid)
    page = written_slides(tmp_path, model(1), slides(model(1), {"a.tif": 9.0}))
    assert "There are no heat maps, since the model has no two different held-out normals" in text_of(page)
    assert 'class="heat"' not in page
    assert "<feComponentTransfer>" not in page
    assert page.count("<img") == 4


def test_names_and_warnings_of_slides_are_shown_and_not_obeyed(tmp_path: Path, grid: np.ndarray) -> None:
    draw_slide(tmp_path, "slides/0", grid)
    table = slides(model(), dict.fromkeys(HOSTILE, 9.0)).assign(folder="slides/0", warnings=HOSTILE)
    page = written_slides(tmp_path, model(), table)
    assert page.count("<script") == page.count("</script>") == 2
    assert page.count("<article") == page.count("</article>") == len(HOSTILE)
    assert page.count("<img") == 5 * len(HOSTILE)
    assert "<!--" not in page
    seen = text_of(page)
    assert all(re.sub(r"\s+", " ", plain(name)) in seen for name in HOSTILE)


def test_the_same_files_give_the_same_bytes_and_no_place_of_theirs(tmp_path: Path, grid: np.ndarray) -> None:
    pages = []
    for name in ("one", "two"):
        draw_slide(tmp_path / name, "slides/0", grid)
        pages.append(written_slides(tmp_path / name, model(), slides(model(), {"a.tif": 9.0})))
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0]
    assert "http" not in pages[0].replace("http-equiv", "")


def test_the_highest_scores_come_first_and_what_has_no_room_is_counted(
    tmp_path: Path, grid: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_slide(tmp_path, "slides/0", grid)
    table = slides(model(), {f"{number}.tif": float(number) for number in range(5)}).assign(folder="slides/0")
    whole = written_slides(tmp_path, model(), table)
    assert re.findall(r'id="image-(\d)"', whole) == [*"43210"]
    assert "The 5 slides with the highest scores. A slide's" in text_of(whole)
    card = whole.index("</article>") - whole.index("<article")
    monkeypatch.setattr(page_slides, "MOST", 3.5 * card)
    page = written_slides(tmp_path, model(), table)
    assert re.findall(r'id="image-(\d)"', page) == [*"432"]
    assert "The 3 slides with the highest scores; 2 more are not shown, since the page would" in text_of(page)
    monkeypatch.setattr(page_slides, "MOST", 0)
    assert re.findall(r'id="image-(\d)"', written_slides(tmp_path, model(), table)) == ["4"]


@pytest.mark.slow
def test_129_slides_whose_pictures_take_much_room_make_a_page_of_25_mb_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: dict[bytes, str] = {}  # all slides show the same pictures, and each takes a while

    def data_uri(picture: Image.Image, quality: int) -> str:
        key = picture.tobytes()
        if key not in encoded:
            encoded[key] = html.data_uri(picture, quality)
        return encoded[key]

    monkeypatch.setattr(page_slides, "data_uri", data_uri)
    draws = np.random.default_rng(0)
    grid = draws.uniform(1, 9, (780, 390))
    noise = [draws.integers(0, 256, (size[0] // 4, size[1] // 4, 3), np.uint8) for size in ((1500, 750), (512, 1536))]
    overview, places = (cv2.resize(part, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC) for part in noise)
    draw_slide(tmp_path, "slides/0", grid, overview, np.stack(np.split(places, 3, axis=1)))
    table = slides(model(), {f"{number}.tif": float(number) for number in range(129)}).assign(folder="slides/0")
    page = written_slides(tmp_path, model(), table)
    shown = page.count("<article")
    assert f"The {shown} slides with the highest scores; {129 - shown} more are not shown" in text_of(page)
    assert shown > 20
    assert len(page.encode()) < 25e6


def test_the_colours_of_all_heat_maps_stand_on_the_page_once() -> None:
    tables = re.findall('tableValues="(.*?)"', colour_filter())
    assert [len(table.split()) for table in tables] == [256] * 3
