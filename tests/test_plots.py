"""What `dvc plots` draws of a training, in a clone whose last commit changed it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.import_closure import ROOT

HISTORY = "reports/arms/demo_xrays/dpa/seed-0/history.csv"


class Clone:
    """A clone of the repository in which a commit halved both losses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        self.before = pd.read_csv(folder / HISTORY)
        self.after = self.before.assign(loss=self.before["loss"] / 2, held_out_loss=self.before["held_out_loss"] / 2)
        self.after.to_csv(folder / HISTORY, index=False)
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
        subprocess.run(["git", *identity, "commit", "--quiet", "--all", "--message=Halve"], cwd=folder, check=True)

    def plot(self, *arguments: str) -> dict[str, Any]:
        """Return the specification of the plot of the history."""
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "plots", *arguments, "--json", "--out", "plots"],
            cwd=self.folder,
            env={**os.environ, "DVC_NO_ANALYTICS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)["data"][HISTORY][0]["content"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("plots") / "clone")


@pytest.fixture(scope="module")
def shown(clone: Clone) -> dict[str, Any]:
    return clone.plot("show", HISTORY)


@pytest.fixture(scope="module")
def compared(clone: Clone) -> dict[str, Any]:
    return clone.plot("diff", "HEAD~1", "--targets", HISTORY)


def rows(plot: dict[str, Any], revision: str) -> pd.DataFrame:
    values = pd.DataFrame(plot["data"]["values"])
    of_revision = values[values["rev"] == revision].reset_index(drop=True)
    return of_revision.astype({"iteration": int, "resolution": int, "loss": float, "held_out_loss": float})


def parts(plot: Any, key: str) -> list[Any]:
    """Everything that stands under a key, at any depth."""
    if isinstance(plot, list):
        return [part for one in plot for part in parts(one, key)]
    if isinstance(plot, dict):
        return ([plot[key]] if key in plot else []) + [part for one in plot.values() for part in parts(one, key)]
    return []


def test_a_plot_has_both_losses_and_the_phases(clone: Clone, shown: dict[str, Any]) -> None:
    columns = ["iteration", "phase", "resolution", "loss", "held_out_loss"]
    pd.testing.assert_frame_equal(rows(shown, "workspace")[columns], clone.after[columns])


def test_a_comparison_has_those_of_both_commits(clone: Clone, compared: dict[str, Any]) -> None:
    for revision, history in (("workspace", clone.after), ("HEAD~1", clone.before)):
        pd.testing.assert_frame_equal(rows(compared, revision)[["loss", "held_out_loss"]], history.iloc[:, -2:])


def test_commits_differ_in_colour_and_losses_in_dashes(compared: dict[str, Any]) -> None:
    assert {color["field"] for color in parts(compared, "color") if isinstance(color, dict)} == {"rev"}
    assert ["loss", "held_out_loss"] in parts(compared, "fold")
    assert [dash["scale"]["domain"] for dash in parts(compared, "strokeDash")] == [["training", "held-out"]]


def test_a_rule_stands_where_the_phase_of_a_commit_changes(compared: dict[str, Any]) -> None:
    assert "datum.resolution + ' px ' + datum.phase" in parts(compared, "calculate")
    lags = [window for window in parts(compared, "transform") if "lag" in json.dumps(window)]
    assert [step["groupby"] for step in lags[0] if "lag" in json.dumps(step)] == [["rev"]]
    assert "rule" in parts(compared, "type")


@pytest.mark.parametrize("name", ["shown", "compared"])
def test_no_anchor_is_left_over(name: str, request: pytest.FixtureRequest) -> None:
    assert "<DVC_METRIC" not in json.dumps(request.getfixturevalue(name))


def test_the_title_names_arm_and_seed(shown: dict[str, Any]) -> None:
    assert shown["title"]["text"] == "Loss of demo_xrays, seed 0"
