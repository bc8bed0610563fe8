"""Pages opened from files in the system's Chromium, without internet."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",  # root needs it
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass
class Visit:
    """An open page, what it asked of the network, and the errors it threw or wrote to the console."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Visitor(Protocol):
    """Opens a page in a window of some width."""

    def __call__(self, path: Path, width: int = 1400) -> Visit: ...


@contextmanager
def browsing() -> Iterator[Visitor]:
    """Start Chromium; the pages that are visited stay open until it ends.

    They share a context, since Chromium then draws them in one process: to start one for each takes a second.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS) as browser,
        browser.new_context(offline=True) as context,
    ):

        def visit(path: Path, width: int = 1400) -> Visit:
            visited = Visit(context.new_page())
            visited.page.set_viewport_size({"width": width, "height": 900})

            def note_request(url: str) -> None:
                if not url.startswith(("file:", "data:", "blob:")):
                    visited.requests.append(url)

            def note_message(kind: str, text: str) -> None:
                if kind == "error":
                    visited.errors.append(text)

            visited.page.on("request", lambda request: note_request(request.url))
            visited.page.on("websocket", lambda socket: note_request(socket.url))
            visited.page.on("console", lambda message: note_message(message.type, message.text))
            visited.page.on("pageerror", lambda error: visited.errors.append(str(error)))
            visited.page.goto(path.resolve().as_uri())
            visited.page.wait_for_timeout(500)  # scripts may ask for more and fail after the page has loaded
            return visited

        yield visit
