from pathlib import Path

import pandas as pd
import pytest

from pipeline.arms import parse_arm
from pipeline.commands.results import main
from pipeline.params.file import Params
from pipeline.real.kept import REAL, kept_arms
from pipeline.real.page import TEXT
from pipeline.tuning.criteria import choose
from pipeline.tuning.tables import read_trials
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


@pytest.mark.parametrize(
    ("arm", "best", "mean"),
    [
        ("search_pa", "{} points below the best", "{} below their mean"),
        ("search_ap", "{} below the best", "{} above their mean"),
    ],
)
def test_what_the_text_says_of_a_search_is_what_its_tables_say(arm: str, best: str, mean: str) -> None:
    folder, text = ROOT / REAL / arm / "tuning", (ROOT / TEXT).read_text(encoding="utf-8")
    areas = 100 * pd.read_csv(folder / "tests.csv", index_col="trial")["test_roc_auc"]
    chosen = choose(read_trials(folder / "trials.csv", arm))
    known, unlabelled = (areas[chosen[criterion]] for criterion in ("weakly_supervised", "label_free"))
    assert best.format(f"{areas.max() - known:.1f}") in text
    assert mean.format(f"{abs(known - areas.mean()):.1f}") in text
    assert f"{areas.max() - unlabelled:.1f}" in text[text.index("AUCp, without labels") :]


def test_what_the_text_says_of_a_validation_area_is_what_the_tables_say() -> None:
    folder, text = ROOT / REAL / "search_pa" / "tuning", (ROOT / TEXT).read_text(encoding="utf-8")
    tested = 100 * pd.read_csv(folder / "tests.csv", index_col="trial")["test_roc_auc"]
    trials = read_trials(folder / "trials.csv", "search_pa")
    chosen = choose(trials)["weakly_supervised"]
    held_out = 100 * trials.set_index("trial").loc[chosen, "roc_auc"]
    assert f"({held_out:.1f} on PA) is not what the test will show ({tested[chosen]:.1f})" in text


@pytest.mark.parametrize("file", sorted((ROOT / REAL / "arms").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_arms_can_still_be_run(file: Path, params: Params) -> None:
    arm = parse_arm(file.stem, file.read_text(encoding="utf-8"))
    arm.check(params.compute, params.demo_data)
    kept = {path.parent.name for path in (ROOT / REAL / arm.name).glob("*/seed-*.csv")}
    assert kept <= {*arm.shared.detectors}
