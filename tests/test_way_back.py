"""The way back from a variant that README.md shows, in a clone that only pulled, with X-rays alone."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.import_closure import ROOT
from tests.test_chain import SHRUNKEN, Clone

XRAYS_ALONE = ["arms.slides=[]", "arms.xrays=[demo_xrays]", "arms.train=[demo_xrays]", "quick_detectors=[]"]

pytestmark = pytest.mark.slow


def sh(clone: Clone, command: str) -> None:
    subprocess.run(command, shell=True, cwd=clone.folder, env=clone.environment, check=True)  # noqa: S602


@pytest.fixture(scope="module")
def colleague(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone whose results were shared."""
    folder = tmp_path_factory.mktemp("way_back")
    clone = Clone(folder / "colleague")
    clone.experiment(*SHRUNKEN, *XRAYS_ALONE)
    clone.dvc("remote", "add", "--default", "lab", str(folder / "lab"))
    sh(clone, "git add --all && git commit --quiet --message=Shrink")
    clone.dvc("push")
    return clone


def test_what_was_pulled_comes_back_from_a_variant_without_running_a_stage(colleague: Clone, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    sh(clone, f"git pull --quiet '{colleague.folder}' HEAD")
    clone.dvc("pull")
    assert clone.ran(clone.dvc("repro")) == set()
    assert "train@demo_xrays-dpa-0" in clone.ran(clone.experiment("arms/demo_xrays.yaml:detectors.dpa.latent_dim=6"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (way_back,) = re.findall(r"^(git restore .*?dvc checkout)", readme, re.MULTILINE)
    sh(clone, way_back)
    assert clone.ran(clone.dvc("repro")) == set()
