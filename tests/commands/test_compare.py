"""``make compare`` and ``make gate`` as a reviewer runs them, in a clone with a branch that made nih_sample worse."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from pipeline import layout
from tests.import_closure import ROOT
from tests.in_process import call


class Clone:
    """A clone of the repository whose last commit changed one parameter and reversed the scores of nih_sample."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        params = folder / "params.yaml"
        changed = (
            params.read_text().replace("resamples: 2000 ", "resamples: 1000 ").replace("roc_auc: 0.02", "roc_auc: 1.0")
        )
        params.write_text(changed)
        for path in (folder / layout.SCORES / "nih_sample/dpa").glob("seed-*.csv"):
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            table["score"] = (1 - table["score"].astype(float)).round(6)
            table.to_csv(path, index=False)
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
        subprocess.run(["git", *identity, "commit", "--quiet", "--all", "--message=Reverse"], cwd=folder, check=True)

    def compare(self, *arguments: str) -> tuple[int, str]:
        """Return the exit status and what is printed; tests/test_workflow.py runs the command itself."""
        done = call("compare", *arguments, folder=self.folder)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("comparing") / "clone")


def test_a_reviewer_sees_what_changed_and_whether_it_means_anything(clone: Clone) -> None:
    code, text = clone.compare("HEAD~1")
    assert code == 0
    assert re.search(r"^\| compute_metrics\.resamples +\| 2000 +\| 1000 +\|$", text, re.MULTILINE)
    (row,) = (line for line in text.splitlines() if "| ROC AUC " in line)
    assert row.startswith("| nih_sample/dpa |")
    assert row.strip("| ").endswith("▼ worse")
    (same,) = (line for line in text.splitlines() if line.endswith(": every metric is as before"))
    alike = dict(re.findall(r"(\w+) \(([a-z_, ]*)\)", same))
    assert ("dpa" in alike["demo_slides"], "dpa" in alike["nih_sample"], "knn" in alike["nih_sample"]) == (
        True,
        False,
        True,
    )


def test_the_gate_is_that_of_the_base_and_names_arm_and_metric(clone: Clone) -> None:
    code, text = clone.compare("HEAD~1", "--gate")
    assert code == 1
    assert "nih_sample/dpa: ROC AUC became worse by 0." in text
    assert "demo_slides" not in text


def test_the_gate_passes_where_nothing_became_worse(clone: Clone) -> None:
    code, text = clone.compare("HEAD", "--gate")
    assert code == 0
    assert re.match(
        r"compared .*demo_slides \(.*dpa.*\), nih_sample \(.*dpa.*\).*: nothing became worse than HEAD", text
    )


def test_an_unknown_revision_is_one_sentence(clone: Clone) -> None:
    code, text = clone.compare("no-such-branch")
    assert code == 1
    assert text == "error: no-such-branch has no params.yaml: name a revision of this pipeline, and fetch it\n"


def test_a_base_is_needed(clone: Clone) -> None:
    assert clone.compare()[0] == 2
