from pathlib import Path

import pytest

from pipeline.arms import parse_arm
from pipeline.commands.results import main
from pipeline.params.file import Params
from pipeline.real.kept import REAL, kept_arms
from pipeline.real.page import TEXT
from tests.import_closure import ROOT


def test_the_page_is_made_from_the_scores(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    assert main([]) == 0
    committed = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert committed == capsys.readouterr().out, "run `python -m pipeline results > docs/results.md`"


def test_no_kept_arm_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = TEXT.read_text(encoding="utf-8")
    assert [arm for arm in kept_arms() if f"{{{arm}}}" not in text] == []


@pytest.mark.parametrize("file", sorted((ROOT / REAL / "arms").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_arms_can_still_be_run(file: Path, params: Params) -> None:
    arm = parse_arm(file.stem, file.read_text(encoding="utf-8"))
    arm.check(params.compute, params.demo_data)
    kept = {path.parent.name for path in (ROOT / REAL / arm.name).glob("*/seed-*.csv")}
    assert kept <= {*arm.shared.detectors}
