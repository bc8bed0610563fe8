"""What `dvc plots` draws, in a clone whose last commit changed a training and its scores."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.browser import Visit, Visitor
from tests.import_closure import ROOT

HISTORY = "reports/runs/nih_sample/dpa/seed-0/history.csv"
GROWTH = "reports/runs/nih_sample/dpa/seed-0/growth.png"

# of two seeds: curves that rise and fall at one x and do not all go from left to right, shares of images in two bins
SCORES = {
    "HEAD~1": {
        "roc.csv": "seed,fpr,tpr\n0,0,0\n0,0,0.4\n0,0.5,0.4\n0,1,1\n1,0,0\n1,0.2,0.6\n1,1,1\n",
        "pr.csv": "seed,recall,precision\n0,1,0.2\n0,0.5,0.6\n0,0.5,0.4\n0,0,1\n1,1,0.2\n1,0.8,0.1\n1,0,1\n",
        "histogram.csv": "seed,images,low,high,share\n"
        "0,normal,0,1,1\n0,normal,1,2,0\n0,abnormal,0,1,0.5\n0,abnormal,1,2,0.5\n"
        "1,normal,0,1,0.6\n1,normal,1,2,0.4\n1,abnormal,0,1,0.3\n1,abnormal,1,2,0.7\n",
    },
    "workspace": {
        "roc.csv": "seed,fpr,tpr\n0,0,0\n0,0,0.9\n0,1,1\n1,0,0\n1,0.1,0.8\n1,1,1\n",
        "pr.csv": "seed,recall,precision\n0,1,0.3\n0,0.9,0.7\n0,0,1\n1,1,0.3\n1,0.9,0.9\n1,0,1\n",
        "histogram.csv": "seed,images,low,high,share\n"
        "0,normal,0,1,0.9\n0,normal,1,2,0.1\n0,abnormal,0,1,0\n0,abnormal,1,2,1\n"
        "1,normal,0,1,0.8\n1,normal,1,2,0.2\n1,abnormal,0,1,0.2\n1,abnormal,1,2,0.8\n",
    },
}
PLOTS = """
plots:
- roc.csv: {x: fpr, y: tpr, template: curves, title: ROC}
- pr.csv: {x: recall, y: precision, template: curves, title: Precision and recall}
- histogram.csv: {x: low, y: share, template: histogram, title: Scores}
"""


class Clone:
    """A clone of the repository in which a commit halved both losses and changed a picture and the scores."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        (folder / "scores").mkdir()
        (folder / "scores/dvc.yaml").write_text(PLOTS)
        self.commit("HEAD~1")
        self.before = pd.read_csv(folder / HISTORY)
        self.after = self.before.assign(loss=self.before["loss"] / 2, held_out_loss=self.before["held_out_loss"] / 2)
        self.after.to_csv(folder / HISTORY, index=False)
        shutil.copy(folder / GROWTH.replace("seed-0", "seed-1"), folder / GROWTH)
        self.commit("workspace")

    def commit(self, revision: str) -> None:
        for name, text in SCORES[revision].items():
            (self.folder / "scores" / name).write_text(text)
        subprocess.run(["git", "add", "--all"], cwd=self.folder, check=True)
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
        subprocess.run(["git", *identity, "commit", "--quiet", f"--message={revision}"], cwd=self.folder, check=True)

    def dvc_plots(self, *arguments: str) -> str:
        """Return what `dvc plots` prints."""
        return subprocess.run(
            [sys.executable, "-m", "dvc", "plots", *arguments],
            cwd=self.folder,
            env={**os.environ, "DVC_NO_ANALYTICS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def plot(self, *arguments: str) -> dict[str, Any]:
        """Return the specification of the plot of the history."""
        return json.loads(self.dvc_plots(*arguments, "--json", "--out", "plots"))["data"][HISTORY][0]["content"]

    def page(self, *arguments: str) -> Path:
        """Return the page of all plots."""
        folder = f"{arguments[0]}_page"
        self.dvc_plots(*arguments, "--out", folder)
        return self.folder / folder / "index.html"


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
    assert shown["title"]["text"] == "Loss of dpa on nih_sample, seed 0"


@pytest.fixture(scope="module")
def page(clone: Clone) -> Path:
    return clone.page("show")


@pytest.fixture(scope="module")
def shown_page(page: Path, visit: Visitor) -> Visit:
    return visit(page)


@pytest.fixture(scope="module")
def compared_page(clone: Clone, visit: Visitor) -> Visit:
    return visit(clone.page("diff", "HEAD~1"))


def plot_of(file: str) -> str:
    """The selector of a plot: DVC makes its id from the file's name."""
    return "#" + re.sub(r"[./]", "_", file)


def marks(visited: Visit, file: str) -> list[dict[str, str]]:
    """The attributes of the lines and bars of a plot, and the data that Vega writes into their aria-label."""
    attributes = visited.page.eval_on_selector_all(
        f"{plot_of(file)} .role-mark [role=graphics-symbol]",
        "marks => marks.map(mark => Object.fromEntries([...mark.attributes].map(({name, value}) => [name, value])))",
    )
    return [mark | dict(part.split(": ") for part in mark["aria-label"].split("; ")) for mark in attributes]


def test_the_template_of_pages_stays_small_with_its_library() -> None:
    assert (ROOT / ".dvc/plots/page.html").stat().st_size < 1_500_000


@pytest.mark.parametrize("name", ["shown_page", "compared_page"])
def test_a_page_opens_without_internet(name: str, request: pytest.FixtureRequest) -> None:
    visited = request.getfixturevalue(name)
    assert visited.requests == []
    assert visited.errors == []


def test_a_page_refuses_what_is_not_beside_it(page: Path, visit: Visitor) -> None:
    visited = visit(page)
    for name in ("img", "script"):
        visited.page.evaluate(
            """name => new Promise(refused => {
                const from = {src: "http://elsewhere.invalid/", onerror: refused};
                document.body.append(Object.assign(document.createElement(name), from));
            })""",
            name,
        )
    assert ["Content Security Policy" in error for error in visited.errors] == [True, True]


@pytest.mark.parametrize(("name", "revisions"), [("shown_page", 1), ("compared_page", 2)])
def test_every_plot_is_drawn(name: str, revisions: int, request: pytest.FixtureRequest) -> None:
    drawn = request.getfixturevalue(name).page.eval_on_selector_all(
        "main > div",
        """plots => Object.fromEntries(plots.map(plot => ["#" + plot.id, {
            marks: plot.querySelectorAll(".role-mark [role=graphics-symbol]").length,
            images: [...plot.querySelectorAll("img")].filter(image => image.naturalWidth > 0).length,
        }]))""",
    )
    assert [plot for plot, has in drawn.items() if not has["marks"] and has["images"] != revisions] == []
    assert drawn[plot_of(HISTORY)]["marks"] > 0
    assert drawn[plot_of(GROWTH)]["images"] == revisions


def test_a_page_fits_into_a_narrow_window(page: Path, visit: Visitor) -> None:
    visited = visit(page, width=400)
    assert visited.page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize(("file", "x", "y"), [("roc.csv", "fpr", "tpr"), ("pr.csv", "recall", "precision")])
def test_curves_go_through_the_rows_of_each_seed_in_their_order(
    compared_page: Visit, file: str, x: str, y: str
) -> None:
    drawn = {}
    for line in marks(compared_page, f"scores/{file}"):
        pixels = [map(float, point.split(",")) for point in re.split("[ML]", line["d"])[1:]]
        drawn[line["rev"], int(line["seed"])] = [(round(i / 300, 5), round(1 - j / 300, 5)) for i, j in pixels]
    assert drawn == {
        (revision, seed): list(zip(rows[x], rows[y], strict=True))
        for revision, scores in SCORES.items()
        for seed, rows in pd.read_csv(io.StringIO(scores[file])).groupby("seed")
    }


@pytest.mark.parametrize(("file", "paint"), [("roc.csv", "stroke"), ("histogram.csv", "fill")])
def test_each_commit_has_its_colour_and_lets_the_other_shine_through(
    compared_page: Visit, file: str, paint: str
) -> None:
    drawn = marks(compared_page, f"scores/{file}")
    colours = {(mark["rev"], mark[paint]) for mark in drawn}
    assert len(colours) == len({colour for _, colour in colours}) == 2
    assert all(float(mark["opacity"]) < 1 for mark in drawn)


def test_histograms_show_the_mean_share_of_the_seeds(compared_page: Visit) -> None:
    bars = marks(compared_page, "scores/histogram.csv")
    assert {(bar["rev"], bar["images"], bar["low"], bar["high"]): bar["mean share"] for bar in bars} == {
        ("HEAD~1", "normal", "0", "1"): "80.0%",
        ("HEAD~1", "normal", "1", "2"): "20.0%",
        ("HEAD~1", "abnormal", "0", "1"): "40.0%",
        ("HEAD~1", "abnormal", "1", "2"): "60.0%",
        ("workspace", "normal", "0", "1"): "85.0%",
        ("workspace", "normal", "1", "2"): "15.0%",
        ("workspace", "abnormal", "0", "1"): "10.0%",
        ("workspace", "abnormal", "1", "2"): "90.0%",
    }
    tops, heights = zip(*(map(float, re.findall(r"[,v](-?[\d.]+)", bar["d"])) for bar in bars), strict=True)
    feet = {round(top + height, 3) for top, height in zip(tops, heights, strict=True)}
    assert len(feet) == 1, "bars of two commits stand on each other"
    ratios = [height / float(bar["mean share"].rstrip("%")) for height, bar in zip(heights, bars, strict=True)]
    assert ratios == pytest.approx([ratios[0]] * len(bars))


def test_normal_stands_above_abnormal(compared_page: Visit) -> None:
    panels = compared_page.page.locator(f"{plot_of('scores/histogram.csv')} .role-title-text text")
    assert [text for text in panels.all_text_contents() if text.endswith("normal")] == ["normal", "abnormal"]
