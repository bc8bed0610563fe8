"""The whole chain with real DVC in a fresh clone, on a demo shrunken by -S."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from pipeline.commands.train import due
from pipeline.data.images import read_images
from pipeline.one_training import Training
from tests.import_closure import ROOT
from tests.shipped import shipped_dpa

SHRUNKEN = [
    "demo_data.slides.normal=4",
    "demo_data.slides.tumour=1",
    "demo_data.slides.test_normal=1",
    "demo_data.slides.test_tumour=1",
    "demo_data.slides.size=3072",
    "arms/demo_slides.yaml:collection.validation_tumour=[tumor_001]",
    "arms/demo_slides.yaml:collection.allowed_failures=0.2",
    "arms/demo_slides.yaml:normalize_tiles.target.region={x: 768, y: 768, size: 1536}",
    "arms/demo_slides.yaml:sample_tiles.tiles_per_slide=4",
    "arms.xrays=[nih_sample,demo_xrays]",
    "arms.train=[demo_slides,demo_xrays]",  # the sample is prepared, which is what is its own
    "demo_data.xrays.patients=24",
    "arms/demo_xrays.yaml:equalize_xrays.working_size=16",
    "seeds=[0]",
    "compute.trials=1",
    "detectors=[dpa]",
    "quick_detectors=[mahalanobis]",  # the others go through their stage in tests/detectors/test_fit_and_score.py
    "arms/demo_xrays.yaml:~detectors.piad",  # which is for 32 px
    "arms/demo_xrays.yaml:~evaluate.heat_map_top.piad",
    "arms/demo_slides.yaml:detectors.dpa.schedule.16.stable=2",
    "arms/demo_slides.yaml:detectors.dpa.schedule.32.transition=2",
    "arms/demo_slides.yaml:detectors.dpa.schedule.32.stable=2",
    "arms/demo_xrays.yaml:~detectors.dpa.schedule.8",
    "arms/demo_xrays.yaml:~detectors.dpa.schedule.32",
    "arms/demo_xrays.yaml:detectors.dpa.schedule.16={transition: 0, stable: 4, batch_size: 8}",
    "arms/demo_xrays.yaml:detectors.dpa.channels=[8,8,8]",
]
LATENT_DIM = shipped_dpa("demo_xrays").latent_dim


class Clone:
    """A clone of the repository with the commands of its users."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        identity = {
            f"GIT_{role}_{what}": "tester@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, **identity, "PATH": path, "DVC_NO_ANALYTICS": "1"}

    def dvc(self, *arguments: str, fails: bool = False) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, output
        return output

    def experiment(self, *settings: str) -> str:
        return self.dvc("exp", "run", *(part for setting in settings for part in ("-S", setting)))

    def repro(self, *settings: str, targets: tuple[str, ...] = (), fails: bool = False) -> str:
        """Change settings and run what depends on it; an experiment would do more around that."""
        for file, overrides in to_path_overrides(settings).items():
            apply_overrides(self.folder / file, overrides)
        return self.dvc("repro", *targets, fails=fails)

    def ran(self, output: str) -> set[str]:
        return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


def unlocked(folder: Path) -> Clone:
    """Make a clone without dvc.lock: nothing in it is of the shrunken demo, and DVC reads it again at every stage."""
    clone = Clone(folder)
    subprocess.run(["git", "rm", "--quiet", "dvc.lock"], cwd=folder, check=True)
    subprocess.run(["git", "commit", "--quiet", "--message=Unlock"], cwd=folder, env=clone.environment, check=True)
    return clone


def locked(clone: Clone) -> dict[str, Any]:
    """What dvc.lock has of each stage."""
    stages: dict[str, Any] = YAML(typ="safe").load((clone.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return stages


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = unlocked(tmp_path_factory.mktemp("chain") / "clone")
    clone.repro(*SHRUNKEN)
    return clone


def test_every_arm_ends_in_metrics_scores_curves_and_a_report(clone: Clone) -> None:
    reports = clone.folder / "reports"
    summary = json.loads((reports / "summary.json").read_text())
    for arm in ("demo_slides", "demo_xrays"):
        run = reports / "runs" / arm / "dpa" / "seed-0"
        metrics = json.loads((reports / "arms" / arm / "metrics.json").read_text())["dpa"]
        scores = pd.read_csv(reports / "scores" / arm / "dpa" / "seed-0.csv")
        assert 0 <= metrics["metrics"]["roc_auc"]["mean"] <= 1
        assert summary[arm]["dpa"]["roc_auc"] == metrics["metrics"]["roc_auc"]["mean"]
        assert (scores["split"] == "test").sum() == metrics["test"]["images"]
        assert {path.name for path in run.iterdir()} == {"history.csv", "growth.png", "gallery.png", "provenance.json"}
        assert f"## {arm}" in (reports / "report.md").read_text()
        assert f">{arm}</a>" in (reports / "report.html").read_text()


def test_every_picture_in_the_report_is_there(clone: Clone) -> None:
    reports = clone.folder / "reports"
    pictures = [part.split(")")[0] for part in (reports / "report.md").read_text().split("](")[1:]]
    assert len(pictures) >= 8
    assert all((reports / picture).is_file() for picture in pictures)


def test_prepared_images_keep_the_contract(clone: Clone) -> None:
    for arm, side, channels in (("demo_slides", 192, 3), ("demo_xrays", 16, 1), ("nih_sample", 64, 1)):
        images = read_images(clone.folder / "data" / "prepared" / arm)
        assert images.pixels.shape[1:] == (side, side, channels)
        assert all(len(images.rows(split)) for split in ("train", "val", "test"))


def test_a_second_run_does_nothing_and_says_so(clone: Clone) -> None:
    assert "up to date" in clone.dvc("repro")


@pytest.fixture(scope="module")
def pulled(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone that only pulled what was shared."""
    folder = tmp_path_factory.mktemp("pulled")
    clone.dvc("remote", "add", "--default", "lab", str(folder / "lab"))
    sh(clone, "git add --all && git commit --quiet --message=Shrink")
    clone.dvc("push")
    pulled = Clone(folder / "clone")
    sh(pulled, f"git pull --quiet '{clone.folder}' HEAD")
    pulled.dvc("pull")
    return pulled


@pytest.mark.slow
def test_a_setting_of_one_arm_runs_that_arm_again_and_the_report_only_and_there_is_a_way_back(pulled: Clone) -> None:
    """As README.md shows it."""
    assert pulled.ran(pulled.dvc("repro")) == set()
    assert pulled.ran(pulled.experiment("arms/demo_xrays.yaml:detectors.dpa.latent_dim=6")) == {
        "check_params",
        "train@demo_xrays-dpa-0",
        "evaluate@demo_xrays-dpa-0",
        "compute_metrics@demo_xrays",
        "report",
    }
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (way_back,) = re.findall(r"^(git restore .*?dvc checkout)", readme, re.MULTILINE)
    sh(pulled, way_back)
    assert pulled.ran(pulled.dvc("repro")) == set()


@pytest.mark.slow
def test_what_dvc_has_of_this_or_an_earlier_run_is_not_due(
    clone: Clone, pulled: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the test above, which ran a variant."""
    trainings = [Training(arm, "dpa", 0) for arm in ("demo_slides", "demo_xrays")]
    monkeypatch.chdir(pulled.folder)
    for latent_dim, expected in ((7, trainings[1:]), (6, []), (LATENT_DIM, [])):
        apply_overrides(pulled.folder / "arms/demo_xrays.yaml", [f"detectors.dpa.latent_dim={latent_dim}"])
        assert due(trainings) == expected
    monkeypatch.chdir(clone.folder)
    model = clone.folder / "data/models/demo_xrays/dpa/seed-0/model.pt"
    content = model.read_bytes()
    model.unlink()
    assert due(trainings) == []
    model.write_bytes(content)


def sh(clone: Clone, command: str) -> None:
    subprocess.run(command, shell=True, cwd=clone.folder, env=clone.environment, check=True)  # noqa: S602


def lose_models(clone: Clone) -> dict[Path, bytes]:
    """Remove the trained models and what DVC keeps of them; returns what they were."""
    models = {path: path.read_bytes() for path in sorted(clone.folder.glob("data/models/*/dpa/*/model.pt"))}
    for path, content in models.items():
        name = hashlib.md5(content, usedforsecurity=False).hexdigest()
        path.unlink()
        (clone.folder / ".dvc/cache/files/md5" / name[:2] / name[2:]).unlink()
    return models


def train_side_by_side(clone: Clone) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline", "train", "--jobs", "2"]
    return subprocess.Popen(
        command, cwd=clone.folder, env=clone.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.slow
def test_trainings_side_by_side_end_in_the_bytes_of_one_after_the_other_even_if_killed(clone: Clone) -> None:
    models = lose_models(clone)
    lead = train_side_by_side(clone)
    assert lead.stdout
    next(line for line in lead.stdout if ": begins" in line)
    while len(trainings := psutil.Process(lead.pid).children()) < len(models):
        time.sleep(0.05)
    lead.kill()
    lead.communicate()
    gone, _ = psutil.wait_procs(trainings, timeout=120)  # a training ends with its lead
    assert len(gone) == len(models) == 2
    assert "all are finished: `dvc repro` takes them over in seconds\n" in train_side_by_side(clone).communicate()[0]
    assert not any(path.exists() for path in models)
    output = clone.dvc("repro")
    assert clone.ran(output) == {"train@demo_slides-dpa-0", "train@demo_xrays-dpa-0"}
    assert output.count(": 0 iterations, it was finished before") == len(models)
    assert {path: path.read_bytes() for path in models} == models
    assert train_side_by_side(clone).communicate()[0].endswith("every training is up to date\n")


def test_a_wrong_setting_stops_with_its_key_and_leaves_nothing_half_written(clone: Clone) -> None:
    before = (clone.folder / "dvc.lock").read_bytes()
    output = clone.repro("arms/demo_xrays.yaml:detectors.dpa.latent_dim=many", fails=True)
    assert "error: arms/demo_xrays.yaml: detectors.dpa.latent_dim: Input should be a valid integer" in output
    assert (clone.folder / "dvc.lock").read_bytes() == before
    apply_overrides(clone.folder / "arms/demo_xrays.yaml", [f"detectors.dpa.latent_dim={LATENT_DIM}"])


@pytest.mark.slow
def test_two_runs_from_scratch_give_the_same_bytes_whichever_arm_came_first(clone: Clone, tmp_path: Path) -> None:
    other = unlocked(tmp_path / "clone")
    other.repro(*SHRUNKEN, "arms.slides=[]", "arms.train=[demo_xrays]")
    assert list((other.folder / "data/raw/demo_slides").iterdir()) == []  # nothing is drawn that no arm needs
    other.repro("arms.slides=[demo_slides]", "arms.train=[demo_slides,demo_xrays]")
    assert locked(clone) == locked(other)
    files = [path.relative_to(clone.folder) for path in (clone.folder / "reports").rglob("*") if path.is_file()]
    assert len(files) > 15
    for file in files:
        assert (clone.folder / file).read_bytes() == (other.folder / file).read_bytes(), file


def shrink_searches(clone: Path) -> None:
    """Two trials of a few steps for each arm, which differ in how images are prepared."""
    spaces = {
        "demo_slides": {"x10": {}, "x20": {"normalize_tiles": {"working_size": 384}}},
        "demo_xrays": {"none": {"equalize_xrays": {"equalization": "none"}}, "histogram": {}},
    }
    index = pd.read_csv(clone / "data/prepared/demo_xrays/index.csv")
    findings = index.loc[(index["split"] == "val") & (index["label"] == 1), "findings"]
    anomalies = {"demo_slides": ["tumor_001"], "demo_xrays": sorted({*findings})}
    yaml = YAML()
    for arm, options in spaces.items():
        path = clone / "arms" / f"{arm}.yaml"
        content = yaml.load(path.read_text(encoding="utf-8"))
        content["tune"] |= {"cross_validate": False, "folds": 2, "common": {}, "space": {"images": options}}
        content["tune"]["anomalies"] = anomalies[arm]
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(content, file)


@pytest.mark.slow
def test_a_search_prepares_images_as_the_stages_do_and_is_never_started_by_repro(clone: Clone) -> None:
    """The last test, since it leaves the clone with other settings."""
    shrink_searches(clone.folder)
    installed = clone.folder / ".venv" / ".installed"  # the environment of these tests serves
    installed.parent.mkdir()
    installed.touch()
    environment = {key: value for key, value in clone.environment.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "tune", "ARM=demo_slides demo_xrays"],
        cwd=clone.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    prepared = {
        path.parent.parent.parent.name: path.read_bytes()
        for path in clone.folder.glob(".cache/tuning/*/variants/*/images.npy")
    }
    # whichever of the two is chosen, the report lists both
    assert all(f" {option} " in (clone.folder / "reports/report.md").read_text() for option in ("x10", "x20"))
    assert clone.ran(clone.dvc("repro")) == set()
    clone.repro(
        "arms/demo_xrays.yaml:equalize_xrays.equalization=none",
        "arms/demo_slides.yaml:normalize_tiles.working_size=384",
        targets=("equalize_xrays@demo_xrays", "normalize_tiles@demo_slides"),
    )
    for arm in ("demo_slides", "demo_xrays"):
        assert (clone.folder / "data/prepared" / arm / "images.npy").read_bytes() == prepared[arm]
