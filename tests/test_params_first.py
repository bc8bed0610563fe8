"""params.yaml is checked before a stage runs, and no shell reads its values, in a clone with the real DVC."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from pipeline.errors import PipelineError
from stages import check_params
from tests.import_closure import ROOT
from tests.test_chain import Clone, unlocked

COMMANDS = (
    "0; touch PWNED; true",
    "0'; touch PWNED; '",
    '0"; touch PWNED; "',
    "$(touch PWNED)",
    "`touch PWNED`",
    "0\ntouch PWNED\n",
    "0'\ntouch PWNED\n'",
    "0\x0btouch PWNED\x0b",
    "0 > PWNED",
    "${item}; touch PWNED",
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return unlocked(tmp_path_factory.mktemp("first") / "clone")


def write(clone: Clone, **lists: Any) -> None:
    """Write a params.yaml with other seeds, detectors or arms."""
    yaml = YAML()
    content = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for name in ("seeds", "detectors"):
        content[name] = lists.pop(name, content[name])
    content["arms"] |= lists
    with (clone.folder / "params.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(content, file)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"seeds": [COMMANDS[0]]}, "params.yaml: seeds.0: Input should be a valid integer"),
    ({"detectors": ["x; touch PWNED"]}, "params.yaml: detectors.0: String should match pattern"),
    ({"train": ["nih_sample", "x; touch PWNED"]}, "params.yaml: arms.train.1: String should match pattern"),
]


def test_a_wrong_list_stops_the_first_stage_with_its_key(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    write(clone, **WRONG[0][0])
    output = clone.dvc("repro", fails=True)
    assert f"error: {WRONG[0][1]}" in output
    assert clone.ran(output) == {"check_params"}
    assert not (clone.folder / "PWNED").exists()
    monkeypatch.chdir(clone.folder)
    for lists, message in WRONG:  # without DVC, which takes seconds to come to it
        write(clone, **lists)
        with pytest.raises(PipelineError, match=re.escape(message)):
            check_params.main()


@pytest.mark.slow
def test_a_wrong_setting_of_an_experiment_stops_the_first_stage_too_and_removes_no_output(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    output = clone.dvc("exp", "run", "-S", "arms/nih_sample.yaml:detectors.dpa.latent_dim=many", fails=True)
    assert "error: arms/nih_sample.yaml: detectors.dpa.latent_dim: Input should be a valid integer" in output
    assert clone.ran(output) == {"check_params"}
    assert (clone.folder / "reports" / "arms" / "nih_sample" / "metrics.json").is_file()


def test_a_mapping_among_seeds_is_refused_by_dvc_since_its_keys_would_not_be_quoted(clone: Clone) -> None:
    write(clone, seeds=[{"0; touch PWNED;": 1}])
    assert "Cannot interpolate data of type 'dict'" in clone.dvc("repro", fails=True)
    assert not (clone.folder / "PWNED").exists()


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A command of this name that does nothing."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return python


@pytest.mark.parametrize("value", COMMANDS)
def test_a_stage_that_runs_unchecked_hands_no_command_to_the_shell(clone: Clone, python: Path, value: str) -> None:
    """As with ``dvc repro --single-item``, which runs no check_params."""
    write(clone, seeds=[value], detectors=[value], slides=[value], xrays=[value], train=[value])
    with Repo(str(clone.folder)) as repo:
        commands = [stage.cmd for stage in repo.index.stages if "@" in stage.addressing]
    assert len(commands) > 10
    for command in commands:
        for line in command.splitlines():  # as DVC does; it stops at the first that fails
            path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
            done = subprocess.run(
                ["/bin/sh", "-c", line], cwd=clone.folder, env={"PATH": path}, capture_output=True, check=False
            )
            if done.returncode:
                break
    assert not (clone.folder / "PWNED").exists()
