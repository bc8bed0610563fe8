"""A repository with some arms."""

from pathlib import Path

import pytest

from pipeline.params.editing import with_entry, without_entry
from tests.commands.repositories import add_shipped
from tests.import_closure import ROOT


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A listed arm of folders, and one of the paper's without its search, whose combinations take a while to check."""
    folder = tmp_path / "repository"
    (folder / "arms").mkdir(parents=True)
    monkeypatch.chdir(folder)
    add_shipped("images")
    text = (ROOT / "arms/nih_pa.yaml").read_text(encoding="utf-8")
    Path("arms/nih_pa.yaml").write_text(text.partition("\ntune:")[0], encoding="utf-8")
    params = with_entry((ROOT / "params.yaml").read_text(encoding="utf-8"), "arms.folders", "images")
    params = with_entry(params, "arms.train", "images")
    for kind, arm in (("slides", "demo_slides"), ("xrays", "nih_sample")):
        params = without_entry(without_entry(params, f"arms.{kind}", arm), "arms.train", arm)
    Path("params.yaml").write_text(params, encoding="utf-8")
    return folder
