import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import PipelineError
from pipeline.reporting.summary import collect_metrics, summarise


def write_run(root: Path, arm: str, seed: int, roc_auc: float) -> None:
    folder = root / arm / "dpa" / f"seed-{seed}"
    folder.mkdir(parents=True)
    metrics = {"average_precision": 0.5, "untrained_roc_auc": 0.5, "mean_intensity_roc_auc": 0.6, "test_images": 40}
    (folder / "metrics.json").write_text(json.dumps({"roc_auc": roc_auc, **metrics}))


def test_seeds_are_averaged_per_arm(tmp_path: Path) -> None:
    for seed, roc_auc in enumerate((0.8, 0.9, 1.0)):
        write_run(tmp_path, "nih_pa", seed, roc_auc)
    summary = summarise(collect_metrics(tmp_path, ["nih_pa"], [0, 1, 2]))
    assert summary["nih_pa"]["dpa"]["roc_auc"] == 0.9
    assert summary["nih_pa"]["dpa"]["roc_auc_std"] == 0.1
    assert summary["nih_pa"]["dpa"]["seeds"] == 3
    assert summary["nih_pa"]["dpa"]["test_images"] == 40


def test_a_figure_that_no_seed_changes_has_no_deviation(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path, "nih_pa", seed, 0.8)
    values = summarise(collect_metrics(tmp_path, ["nih_pa"], [0, 1]))["nih_pa"]["dpa"]
    assert "mean_intensity_roc_auc_std" not in values
    assert values["untrained_roc_auc_std"] == 0


def test_one_seed_has_no_deviation(tmp_path: Path) -> None:
    write_run(tmp_path, "nih_pa", 5, 0.8)
    assert "roc_auc_std" not in summarise(collect_metrics(tmp_path, ["nih_pa"], [5]))["nih_pa"]["dpa"]


def test_a_run_that_the_lists_do_not_name_is_not_in_the_summary(tmp_path: Path) -> None:
    write_run(tmp_path, "nih_pa", 0, 0.8)
    write_run(tmp_path, "nih_pa", 1, 0.2)
    assert collect_metrics(tmp_path, ["nih_pa"], [0])["roc_auc"].tolist() == [0.8]


def test_a_run_without_metrics_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="dvc repro evaluate@nih_pa-0"):
        collect_metrics(tmp_path, ["nih_pa"], [0])


def test_metrics_that_are_no_json_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, "nih_pa", 0, 0.8)
    path = tmp_path / "nih_pa" / "dpa" / "seed-0" / "metrics.json"
    path.write_text("{")
    with pytest.raises(PipelineError, match=r"metrics\.json is not valid JSON"):
        collect_metrics(tmp_path, ["nih_pa"], [0])


def test_the_summary_is_all_numbers_so_that_dvc_can_compare_it(tmp_path: Path) -> None:
    write_run(tmp_path, "nih_pa", 0, 0.8)
    values = pd.Series(summarise(collect_metrics(tmp_path, ["nih_pa"], [0]))["nih_pa"]["dpa"])
    assert values.map(lambda value: isinstance(value, int | float)).all()
