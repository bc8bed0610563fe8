"""The workflow for pull requests: its form by GitHub's schema, its commands by running them in a clone."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.commands.test_compare import Clone
from tests.import_closure import ROOT

WORKFLOW = ROOT / ".github" / "workflows" / "pull-request.yml"
JOBS: dict[str, Any] = YAML(typ="safe").load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_the_workflow_has_the_form_that_github_knows() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("job", JOBS)
def test_every_target_that_is_called_is_in_the_makefile(job: str) -> None:
    targets = re.findall(r"make ([\w-]+)", "\n".join(commands(job)))
    assert targets
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


class Runner:
    """Runs the steps of the job ``compare`` in a clone, as GitHub's runner does, but for installing and commenting."""

    def __init__(self, clone: Clone, folder: Path) -> None:
        self.folder, self.base, self.summary = clone.folder, folder / "env", folder / "summary"
        self.base.touch()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        files = {"GITHUB_ENV": str(self.base), "GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_BASE_REF": "base"}
        # the environment of these tests serves, and must not be made again
        installed = clone.folder / ".venv" / ".installed"
        installed.parent.mkdir()
        installed.touch()
        outer_make = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # of the one that may have started the tests
        inherited = {key: value for key, value in os.environ.items() if key not in outer_make}
        self.environment = {**inherited, **files, "PATH": path}
        git = ["git", "update-ref", "refs/remotes/origin/base", "HEAD~1"]
        subprocess.run(git, cwd=clone.folder, check=True)

    def step(self, name: str) -> tuple[int, str]:
        (command,) = (step["run"] for step in JOBS["compare"]["steps"] if step.get("name") == name)
        set_before = dict(line.split("=", 1) for line in self.base.read_text().splitlines())
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment | set_before,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(Clone(tmp_path / "clone"), tmp_path)


@pytest.mark.slow
def test_the_comparison_goes_into_the_summary_and_the_comment_and_the_gate_fails(runner: Runner) -> None:
    code, output = runner.step("Compare with where the branch began")
    assert code == 0, output
    text = (runner.folder / "comparison.md").read_text()
    assert text == runner.summary.read_text()
    assert "▼ worse" in text
    code, output = runner.step("No metric became worse by more than params.yaml allows")
    assert code != 0
    assert "nih_sample/dpa: ROC AUC became worse" in output


@pytest.mark.slow
def test_reports_that_are_older_than_the_parameters_fail(runner: Runner) -> None:
    name = "The reports belong to the code and the parameters"
    subprocess.run(["git", "checkout", "--quiet", "HEAD~1"], cwd=runner.folder, check=True)
    assert runner.step(name) == (0, "reports/ and dvc.lock belong to the code, params.yaml and arms/\n")
    (runner.folder / "reports" / "summary.json").unlink()
    (runner.folder / "reports" / "runs" / "nih_sample" / "dpa" / "seed-9").mkdir()
    (runner.folder / "reports" / "runs" / "nih_sample" / "dpa" / "seed-9" / "history.csv").touch()
    code, output = runner.step(name)
    assert code != 0
    assert "reports/summary.json is missing" in output
    assert "dpa/seed-9 is left over: no stage makes it" in output
    params = runner.folder / "params.yaml"
    params.write_text(params.read_text().replace("resamples: 2000 ", "resamples: 1000 "))
    code, output = runner.step(name)
    assert code != 0
    assert "compute_metrics@nih_sample is older than its code, parameters or inputs" in output
