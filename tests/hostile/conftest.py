"""Every hostile input meets an empty working folder, with paths relative to it."""

import shutil
from pathlib import Path

import pytest

from tests.data.conftest import Collection, stain_maps, tile  # noqa: F401
from tests.data.slides.conftest import write_slide  # noqa: F401
from tests.hostile.inputs import NIH
from tests.import_closure import ROOT


@pytest.fixture(autouse=True)
def folder(in_folder: Path) -> Path:
    return in_folder


@pytest.fixture
def nih(folder: Path) -> Collection:
    """A collection of X-rays that is not yet listed, and the shipped settings."""
    shutil.copy(ROOT / "params.yaml", folder)
    shutil.copytree(ROOT / "arms", folder / "arms")
    return Collection(NIH).write()
