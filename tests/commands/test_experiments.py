import re
import shlex
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from pipeline.commands import experiments
from pipeline.commands import join as joining
from pipeline.commands import tune as running
from pipeline.errors import PipelineError
from pipeline.params.file import read_params
from pipeline.tuning.adopting import edited_yaml
from pipeline.tuning.space import Space
from tests.import_closure import ROOT


@pytest.fixture
def here(in_folder: Path) -> Path:
    (in_folder / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    return in_folder


@pytest.mark.parametrize("arm", ["nih_ap", "camelyon16", "demo_slides"])
def test_every_member_is_an_experiment_that_dvc_understands(here: Path, arm: str) -> None:
    lines, space = experiments.main(arm), Space(read_params(), arm)
    assert len(lines) == len(space.members)
    for number in (0, len(lines) // 2, len(lines) - 1):
        words, member = shlex.split(lines[number]), space.members[number]
        assert words[:6] == ["dvc", "exp", "run", "--queue", "-n", f"{arm}-{number}"]
        copy = here / f"{number}.yaml"
        copy.write_bytes((ROOT / "params.yaml").read_bytes())
        apply_overrides(copy, words[7::2])
        found = read_params(copy)
        for setting in ("latent_dim", "latent_size", "channels", "learning_rate"):
            assert getattr(found.train[arm], setting) == getattr(member.train, setting)
        assert found.train[arm].schedule[-1].layers == member.train.schedule[-1].layers
        assert found.data(arm) == member.data


def test_the_whole_part_that_the_page_shows_can_be_searched(here: Path) -> None:
    page = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    shown = YAML(typ="safe").load(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])["tune"]["nih_ap"]
    text = (here / "params.yaml").read_text(encoding="utf-8")
    (here / "params.yaml").write_text(edited_yaml(text, lambda content: content["tune"].update(nih_ap=shown)))
    assert len(Space(read_params(), "nih_ap").members) == 8


@pytest.mark.usefixtures("here")
def test_joining_needs_a_storage_that_both_machines_reach() -> None:
    with pytest.raises(PipelineError, match=r"tune\.demo_xrays\.storage is null: name one that both machines reach"):
        joining.main("demo_xrays")


def changed(folder: Path, *overrides: str) -> None:
    apply_overrides(folder / "params.yaml", list(overrides))


@pytest.mark.parametrize(
    ("overrides", "arms", "message"),
    [
        (["arms.tune=[]"], [], "arms.tune is empty: name the arms to search"),
        ([], ["nih_app"], "'nih_app' is not in tune of params.yaml: choose from camelyon16"),
        (
            [],
            ["nih_ap"],
            "'nih_ap' is not in arms.slides or arms.xrays: add it, or choose from demo_slides, demo_xrays",
        ),
        (
            ["tune.demo_xrays.space.latent.16.train.latent_dim=-1"],
            ["demo_xrays"],
            "space, equalization: none, latent: 16",
        ),
    ],
)
def test_a_search_that_cannot_run_stops_before_work(
    here: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], arms: list[str], message: str
) -> None:
    def no_work(*_: str) -> None:
        raise AssertionError

    monkeypatch.setattr(running, "_run", no_work)
    changed(here, *overrides)
    with pytest.raises(PipelineError, match=message):
        running.main(arms)


def test_arms_are_prepared_searched_and_entered(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(running, "_run", lambda *words: calls.append(" ".join(words)))
    running.main(["demo_slides"])
    assert calls == [
        "dvc repro normalize_tiles@demo_slides",
        "stages.tune demo_slides",
        "stages.show_tuning demo_slides",
        "dvc commit --force tune@demo_slides show_tuning@demo_slides",
        "dvc repro --single-item check_params report",
    ]


@pytest.mark.parametrize("listed", [[], ["demo_slides"]])
def test_an_arm_that_is_searched_without_being_listed_is_listed_after_its_search(
    here: Path, monkeypatch: pytest.MonkeyPatch, listed: list[str]
) -> None:
    seen: list[bool] = []
    monkeypatch.setattr(running, "_run", lambda *_: seen.append("demo_xrays" in read_params().arms.tune))
    changed(here, f"arms.tune=[{','.join(listed)}]")
    before = (here / "params.yaml").read_text(encoding="utf-8").splitlines()
    running.main(["demo_xrays"])
    assert seen == [False, False, True, True, True]
    after = (here / "params.yaml").read_text(encoding="utf-8").splitlines()
    assert {*after} - {*before} <= {"  - demo_xrays", "  tune: [demo_xrays]", "  tune:"}
    assert [line for line in after if "#" in line] == [line for line in before if "#" in line]


def test_an_arm_that_is_listed_already_changes_no_byte(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_run", lambda *_: None)
    before = (here / "params.yaml").read_bytes()
    running.main(["demo_xrays"])
    assert (here / "params.yaml").read_bytes() == before
