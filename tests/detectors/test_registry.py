"""Any detector with the protocol goes through all stages: one is added here, by a folder and a line."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

import pipeline.detectors
from pipeline.arms import check_arms
from pipeline.data.images import Images, write_images
from pipeline.detectors import registry
from pipeline.detectors.registry import names, settings_of
from pipeline.errors import PipelineError
from pipeline.evaluation.scores import FACTS, read_local
from pipeline.files import write_csv
from pipeline.params.file import read_params
from pipeline.reporting.comparison import changes, comparison_text, failures, read_revision
from pipeline.tuning.folds import Fold
from pipeline.tuning.trial import Trial, run_trial
from stages import compute_metrics, evaluate, report, train
from tests.import_closure import ROOT
from tests.shipped import shipped, write

ARM = "demo_xrays"
PAGE = (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")
SETTINGS, DETECTOR = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)  # what is shown to those who add one


@pytest.fixture
def shades(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector of a folder of its own."""
    folder = tmp_path_factory.mktemp("detectors") / "shades"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "settings.py").write_text(SETTINGS, encoding="utf-8")
    (folder / "detector.py").write_text(DETECTOR, encoding="utf-8")
    monkeypatch.setattr(pipeline.detectors, "__path__", [*pipeline.detectors.__path__, str(folder.parent)])


@pytest.fixture
def arm(in_folder: Path, tiny_images: Images) -> Path:
    """A working folder in which X-rays are prepared, and two detectors and two seeds are to run on them."""
    content = shipped()
    content["params.yaml"]["arms"] |= {"slides": [], "xrays": [ARM], "train": [ARM]}
    content["params.yaml"] |= {"detectors": ["shades", "mean_intensity"], "quick_detectors": [], "seeds": [0, 1]}
    content["params.yaml"]["compute_metrics"]["resamples"] = 100
    content[f"arms/{ARM}.yaml"]["detectors"]["shades"] = {}
    write(content)
    write_images(
        in_folder / "data/prepared" / ARM,
        [tiny_images.pixels],
        tiny_images.index,
        {"unit": "patient", "generated": False},
    )
    write_csv(in_folder / f"data/raw/inventory/{ARM}.csv", pd.DataFrame({"path": ["a"], "bytes": [1], "md5": ["0"]}))
    shutil.copytree(ROOT / "reports/data/nih_sample", in_folder / "reports/data" / ARM)
    return in_folder


RAN: list[Path] = []  # the folder below after its stages, which run once


@pytest.fixture
def ran(arm: Path, shades: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after all stages."""
    if RAN:
        shutil.copytree(RAN[0], arm, dirs_exist_ok=True)
    else:
        run_stages()
        RAN.append(Path(shutil.copytree(arm, tmp_path_factory.mktemp("ran") / "arm")))
    return arm


def run_stages() -> None:
    for detector in ("shades", "mean_intensity"):
        for seed in ("0", "1"):
            train.main(ARM, detector, seed)
            evaluate.main(ARM, detector, seed)
    compute_metrics.main(ARM)
    report.main()


def reports_of(folder: Path) -> dict[str, str]:
    files = [folder / "params.yaml", *folder.glob("reports/scores/**/*.csv"), folder / "reports/summary.json"]
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in files}


def test_an_added_detector_goes_through_all_stages_beside_another(ran: Path) -> None:
    table = pd.read_csv(ran / f"reports/scores/{ARM}/shades/seed-1.csv")
    assert list(table) == ["run", "id", *FACTS, "score", "colour_statistics", "mean_intensity"]
    assert list(pd.read_csv(ran / f"reports/scores/{ARM}/mean_intensity/seed-0.csv"))[7:] == [
        "score",
        "colour_statistics",
    ]
    summary = json.loads((ran / "reports/summary.json").read_text(encoding="utf-8"))
    assert list(summary[ARM]) == ["mean_intensity", "shades"]
    assert summary[ARM]["shades"]["roc_auc"] == 1.0
    text = (ran / "reports/report.md").read_text(encoding="utf-8")
    assert "Anomaly detection with shades and mean intensity." in text
    assert f"### {ARM}, shades: the images behind the figures" in text
    pictures = [part.split(")")[0] for part in text.split("](")[1:]]
    assert f"figures/{ARM}-shades-roc.png" in pictures
    assert all((ran / "reports" / picture).is_file() for picture in pictures)


def test_figures_are_computed_again_from_the_scores_without_data_and_models(ran: Path) -> None:
    files = [file for file in (ran / "reports").rglob("*") if file.is_file()]
    before = {file: file.read_bytes() for file in files}
    shutil.rmtree(ran / "data")
    compute_metrics.main(ARM)
    report.main()
    assert {file: file.read_bytes() for file in files} == before


def test_an_added_detector_is_compared_and_passes_the_gate_or_not(ran: Path) -> None:
    base = read_revision("main", reports_of(ran).get)
    for seed in (0, 1):
        path = ran / f"reports/scores/{ARM}/shades/seed-{seed}.csv"
        table = pd.read_csv(path, dtype={"findings": str}, keep_default_na=False)
        write_csv(path, table.assign(score=-table["score"]))
    head = read_revision("now", read_local)
    changed = changes(base, head, read_params().compute_metrics)
    assert f"- {ARM}/mean_intensity: every metric is as before" in comparison_text(base, head, changed)
    assert failures(changed, base, head, {"roc_auc": 0.1}) == [
        f"{ARM}/shades: ROC AUC became worse by 1.0000 (1.0000 to 0.0000); gate.roc_auc allows 0.1"
    ]


@pytest.mark.usefixtures("shades", "arm")
def test_an_added_detector_can_be_searched(tiny_images: Images) -> None:
    fold = Fold(tiny_images.rows("train")[:6], tiny_images.rows("train")[6:], tiny_images.rows("test"), 0)
    known = tiny_images.index["label"].to_numpy() == 1
    settings, folder = settings_of("shades", {"bins": 4}), Path("data/prepared") / ARM
    outcome = run_trial(Trial(0, folder, "shades", settings, [fold], known, read_params().compute, Path("scratch"), []))
    assert outcome.reason == ""
    assert (outcome.folds[0]["roc_auc"], outcome.folds[0]["iterations"]) == (1.0, 1)


def test_settings_are_checked_as_strictly_as_all_parameters() -> None:
    assert settings_of("colour_statistics", {"side": 32}).resolution == 32
    assert settings_of("colour_statistics", {}).resolution is None
    for content in ({"side": "32"}, {"side": 0}, {"sied": 32}):
        with pytest.raises(ValidationError):
            settings_of("colour_statistics", content)


def test_an_unknown_detector_is_named_with_those_that_there_are() -> None:
    with pytest.raises(PipelineError, match="'absent' is not a detector: choose from colour_statistics, "):
        settings_of("absent", {})


@pytest.mark.usefixtures("arm")
def test_an_unknown_detector_in_the_list_stops_the_first_stage() -> None:
    with pytest.raises(PipelineError, match="'shades' is not a detector: choose from colour_statistics, "):
        check_arms(read_params())


def test_baselines_are_detectors() -> None:
    assert set(registry.UNSIGNED) <= set(registry.BASELINES) <= set(names())
