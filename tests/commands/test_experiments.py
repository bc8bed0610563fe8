import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from pipeline.arms import Arm, read_arm
from pipeline.commands import experiments, join, tune
from pipeline.errors import PipelineError
from pipeline.files import write_text
from pipeline.layout import results
from pipeline.params.file import Params, read_params
from pipeline.tuning.space import Space
from tests.import_closure import ROOT


@pytest.fixture
def here(in_folder: Path) -> Path:
    shutil.copy(ROOT / "params.yaml", in_folder)
    apply_overrides(in_folder / "params.yaml", ["arms.xrays=[nih_sample,demo_xrays]"])
    shutil.copytree(ROOT / "arms", in_folder / "arms")
    return in_folder


@pytest.mark.parametrize("name", ["nih_ap", "camelyon16", "demo_slides"])
def test_every_member_is_an_experiment_that_dvc_understands(here: Path, params: Params, name: str) -> None:
    arm = read_arm(name)
    lines, space = experiments.queue_commands(name), Space(arm, params.compute)
    assert len(lines) == len(space.members)
    for number in (0, len(lines) // 2, len(lines) - 1):
        words, member = shlex.split(lines[number]), space.members[number]
        assert words[:6] == ["dvc", "exp", "run", "--queue", "-n", f"{name}-{number}"]
        ((file, overrides),) = to_path_overrides(words[7::2]).items()
        shutil.copy(ROOT / file, here / file)
        apply_overrides(here / file, overrides)
        changed = read_arm(name)
        assert changed.data == member.arm.data
        assert changed.detector("dpa") == member.arm.detector("dpa")


def test_the_whole_part_that_the_page_shows_can_be_searched(here: Path, params: Params) -> None:
    page = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    whole, several = (YAML(typ="safe").load(part) for part in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[:2])
    content = read_arm("nih_ap").content
    assert len(Space(Arm("nih_ap", {**content, **whole}), params.compute).members) == 8
    searched = {**whole["tune"], "detector": None, "common": {}, **several}
    assert len(Space(Arm("nih_ap", {**content, "tune": searched}), params.compute).members) == 2 * 6


def test_experiments_are_of_one_detector(here: Path) -> None:
    content = YAML(typ="safe").load((here / "arms/demo_xrays.yaml").read_text(encoding="utf-8"))
    content["tune"] |= {"detector": None, "common": {}, "space": {"detector": {"knn": {}, "padim": {}}}}
    (here / "arms/demo_xrays.yaml").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(PipelineError, match=r"tune\.space names several detectors, and experiments are of one"):
        experiments.queue_commands("demo_xrays")


@pytest.mark.usefixtures("here")
def test_joining_needs_a_storage_that_both_machines_reach() -> None:
    with pytest.raises(PipelineError, match=r"demo_xrays\.yaml: tune\.storage is null: name one that both machines"):
        join.main(["demo_xrays"])


@pytest.mark.parametrize(
    ("overrides", "arm", "message"),
    [
        ([], "nih_app", r"arms/nih_app\.yaml is missing: copy one of another arm, or choose from camelyon16"),
        ([], "nih_ap", "'nih_ap' is in no list of arms: add it to that of its kind, or choose from demo_slides"),
        (["~tune"], "demo_xrays", r"arms/demo_xrays\.yaml has no section tune"),
        (
            ["tune.space.latent.16.detectors.dpa.latent_dim=-1"],
            "demo_xrays",
            r"tune\.space, equalization: none, latent: 16: detectors\.dpa\.latent_dim",
        ),
    ],
)
def test_a_search_that_cannot_run_stops_before_work(
    here: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], arm: str, message: str
) -> None:
    def no_work(*_: str) -> None:
        raise AssertionError

    monkeypatch.setattr(tune, "_dvc", no_work)
    if overrides:
        apply_overrides(here / "arms" / f"{arm}.yaml", overrides)
    with pytest.raises(PipelineError, match=message):
        tune.main([arm])


def test_arms_are_prepared_searched_shown_and_reported(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for arm in read_params().arms.train:
        write_text(here / results(arm) / "metrics.json", "{}")
    calls: list[str] = []
    monkeypatch.setattr(tune, "_dvc", lambda *words: calls.append(" ".join(words)))
    monkeypatch.setattr(tune, "search", lambda arm, _: calls.append(f"search {arm.name}"))
    monkeypatch.setattr(tune, "show", lambda arm, _: calls.append(f"show {arm.name}"))
    tune.main(["demo_slides", "demo_xrays"])
    assert calls == [
        "repro normalize_tiles@demo_slides equalize_xrays@demo_xrays",
        "search demo_slides",
        "search demo_xrays",
        "show demo_slides",
        "show demo_xrays",
        "repro --single-item check_params report",
    ]
    calls.clear()
    tune.main(["demo_slides", "--show"])
    assert calls == ["show demo_slides", "repro --single-item check_params report"]


@pytest.mark.usefixtures("here")
def test_a_search_before_the_first_training_says_where_it_is_to_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("_dvc", "search", "show"):
        monkeypatch.setattr(tune, name, lambda *words: None if words[0] != "repro" else print(*words))
    assert tune.main(["demo_slides"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "repro normalize_tiles@demo_slides",
        "reports/arms/demo_slides/tuning/section.md says what came out",
        "`dvc repro` puts it into the report, which needs the training and test of nih_sample and demo_slides",
    ]
