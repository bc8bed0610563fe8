"""Visits notice what a page does that it should not."""

from pathlib import Path

from tests.browser import Visitor


def test_a_visit_notes_what_a_page_asks_of_the_network(visit: Visitor, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        """<script src="http://elsewhere.invalid/library.js"></script><img src="data:image/gif;base64,R0lGODlh">
        <script>new WebSocket("ws://elsewhere.invalid/")</script>""",
        encoding="utf-8",
    )
    assert visit(page).requests == ["http://elsewhere.invalid/library.js", "ws://elsewhere.invalid/"]


def test_a_visit_notes_errors(visit: Visitor, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        """<script>console.log("fine"); console.error("not fine"); missing()</script><img src="missing.png">""",
        encoding="utf-8",
    )
    assert sorted(visit(page).errors) == [
        "Failed to load resource: net::ERR_FILE_NOT_FOUND",
        "missing is not defined",
        "not fine",
    ]
