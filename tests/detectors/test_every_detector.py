"""Every detector that is shipped goes through the stages with the demo's settings, on gray images and on colours."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.images import Images, write_images
from pipeline.files import write_csv
from stages import compute_metrics, evaluate, fit_and_score, report, train
from tests.import_closure import ROOT
from tests.shipped import shipped, write

QUICK = shipped()["params.yaml"]["quick_detectors"]
# What is trained: settings that make it short.
TRAINED = {
    "piad": {"iterations": 3},
    "deep_geo": {},
    "ganomaly": {"epochs": 1},
    "deep_svdd": {"pretraining_epochs": 1, "epochs": 1},
}


def prepare(arm: str, images: Images, channels: int) -> None:
    """Write the settings, for two seeds and one arm, and images of 32 px."""
    content = shipped()
    content["params.yaml"] |= {"seeds": [0, 1], "detectors": [*TRAINED]}
    content["params.yaml"]["arms"] |= {"slides": [], "xrays": [arm], "train": [arm]}
    content["params.yaml"]["compute_metrics"]["resamples"] = 100
    for name, short in TRAINED.items():
        content[f"arms/{arm}.yaml"]["detectors"][name] |= short
    write(content)
    pixels = images.pixels.repeat(2, 1).repeat(2, 2).repeat(channels, 3)
    write_images(Path("data/prepared") / arm, [pixels], images.index, {"unit": "patient", "generated": False})
    write_csv(Path(f"data/raw/inventory/{arm}.csv"), pd.DataFrame({"path": ["a"], "bytes": [1], "md5": ["0"]}))


def outputs() -> dict[str, bytes]:
    files = [file for top in ("data/models", "reports") for file in Path(top).rglob("*") if file.is_file()]
    return {file.as_posix(): file.read_bytes() for file in files}


@pytest.mark.parametrize("detector", QUICK)
@pytest.mark.parametrize(("arm", "channels"), [("demo_xrays", 1), ("demo_slides", 3)])
@pytest.mark.usefixtures("in_folder", "networks_read_once")
def test_every_seed_is_fitted_and_scored_and_again_to_the_same_bytes(
    tiny_images: Images, arm: str, channels: int, detector: str
) -> None:
    prepare(arm, tiny_images, channels)
    fit_and_score.main(arm, detector)
    made = outputs()
    runs = [f"{arm}/{detector}/seed-{seed}" for seed in (0, 1)]
    expected = {f"{place}.csv" for place in (f"reports/scores/{run}" for run in runs)}
    expected |= {f"data/models/{run}/{name}.pt" for run in runs for name in ("model", "calibrated")}
    expected |= {f"reports/runs/{run}/{name}" for run in runs for name in ("history.csv", "provenance.json")}
    assert set(made) == expected | {f"reports/runs/{runs[0]}/gallery.png"}
    for run in runs:
        table = pd.read_csv(f"reports/scores/{run}.csv")
        assert sorted(table["id"]) == sorted(tiny_images.index.loc[tiny_images.index["split"] != "train", "id"])
        assert np.isfinite(table["score"]).all()
    for folder in ("data/models", "reports"):
        shutil.rmtree(folder)
    shutil.rmtree(".cache", ignore_errors=True)  # features, which not every detector keeps
    fit_and_score.main(arm, detector)
    assert outputs() == made


@pytest.mark.slow
@pytest.mark.parametrize("detector", TRAINED)
@pytest.mark.parametrize(("arm", "channels"), [("demo_xrays", 1), ("demo_slides", 3)])
@pytest.mark.usefixtures("in_folder", "networks_read_once")
def test_a_seed_is_trained_and_evaluated_and_again_to_the_same_bytes(
    tiny_images: Images, arm: str, channels: int, detector: str
) -> None:
    prepare(arm, tiny_images, channels)
    made = []
    for _ in range(2):
        train.main(arm, detector, "1")
        evaluate.main(arm, detector, "1")
        made.append(outputs())
        shutil.rmtree("data/models")
        shutil.rmtree("reports")
    assert made[0] == made[1]
    run = f"{arm}/{detector}/seed-1"
    names = ("history.csv", "growth.png", "provenance.json", "gallery.png")
    expected = {f"data/models/{run}/{name}.pt" for name in ("model", "calibrated")}
    expected |= {f"reports/scores/{run}.csv", *(f"reports/runs/{run}/{n}" for n in names)}
    assert set(made[0]) == expected


@pytest.mark.slow
@pytest.mark.usefixtures("in_folder", "networks_read_once")
def test_all_detectors_of_an_arm_are_reported_together(tiny_images: Images) -> None:
    arm = "demo_xrays"
    prepare(arm, tiny_images, 1)
    shutil.copytree(ROOT / "reports/data/nih_sample", Path("reports/data") / arm)
    for detector in [*TRAINED, *QUICK]:
        fit_and_score.main(arm, detector)  # any detector may be called a quick one
    compute_metrics.main(arm)
    report.main()
    summary = json.loads(Path("reports/summary.json").read_text(encoding="utf-8"))
    assert set(summary[arm]) == {*TRAINED, *QUICK}
    text = Path("reports/report.md").read_text(encoding="utf-8")
    assert text.count("<summary>") >= len(summary[arm])
    pictures = [part.split(")")[0] for part in text.split("](")[1:]]
    assert all((Path("reports") / picture).is_file() for picture in pictures)
