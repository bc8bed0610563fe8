"""Every hostile input meets an empty working folder, with paths relative to it."""

from pathlib import Path

import pytest

from tests.slides.conftest import stain_maps, tile, write_slide  # noqa: F401


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
