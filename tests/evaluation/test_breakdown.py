from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from pipeline.evaluation.breakdown import breakdown, read_breakdown
from pipeline.evaluation.curves import by_detector
from pipeline.evaluation.scores import ArmScores
from pipeline.files import write_csv
from pipeline.params.evaluate import ComputeMetrics
from tests.evaluation.conftest import arm_scores


def flags(test: ArmScores) -> np.ndarray:
    return test.scores["score"] > 0.5


def test_each_finding_is_measured_against_all_normal_images(patients: ArmScores, settings: ComputeMetrics) -> None:
    test = patients.test()
    parts = breakdown(test, flags(test), None, settings).set_index("name")
    assert parts.index.tolist() == ["No Finding", "Mass", "Nodule"]
    nodules = test.images["findings"].str.contains("Nodule").to_numpy()
    kept = nodules | (test.labels == 0)
    expected = np.mean([roc_auc_score(nodules[kept], seed[kept]) for seed in test.scores["score"]])
    assert parts.loc["Nodule", "roc_auc"] == pytest.approx(expected, abs=6e-5)
    assert parts.loc["Nodule", "low"] < expected < parts.loc["Nodule", "high"]
    assert parts.loc["Nodule", ["images", "groups"]].tolist() == [nodules.sum(), 10]
    assert parts.loc["Mass", "images"] == 20
    assert parts.loc["No Finding", "flagged"] == pytest.approx(flags(test)[:, test.labels == 0].mean(), abs=6e-5)


def test_each_slide_has_a_row_and_normal_ones_no_area(settings: ComputeMetrics) -> None:
    test = arm_scores([0] * 4 + [1] * 6, ["b"] * 4 + ["a"] * 6).test()
    parts = breakdown(test, flags(test), "slide", settings).set_index("name")
    assert parts.index.tolist() == ["a.tif", "b.tif"]
    assert parts["images"].tolist() == [6, 4]
    assert np.isnan(parts.loc["b.tif", "roc_auc"])
    areas = [roc_auc_score(test.labels, seed) for seed in test.scores["score"]]
    assert parts.loc["a.tif", "roc_auc"] == pytest.approx(np.mean(areas), abs=6e-5)


def test_a_finding_of_few_patients_has_no_interval(patients: ArmScores, settings: ComputeMetrics) -> None:
    rare = patients.images["findings"].where(patients.images["id"] != "image_003", "Hernia")
    test = ArmScores(patients.images.assign(findings=rare), patients.scores).test()
    row = breakdown(test, flags(test), None, settings).set_index("name").loc["Hernia"]
    assert row["images"] == 1
    assert 0 <= row["roc_auc"] <= 1
    assert pd.isna(row["low"])


def test_without_a_threshold_nothing_is_flagged_or_spared(patients: ArmScores, settings: ComputeMetrics) -> None:
    assert breakdown(patients.test(), None, None, settings)["flagged"].isna().all()


def test_a_slide_may_be_called_na(tmp_path: Path, settings: ComputeMetrics) -> None:
    test = arm_scores([0] * 4 + [1] * 6, ["NA"] * 4 + ["007"] * 6).test()
    test = ArmScores(test.images.assign(source=test.groups), test.scores)
    parts = {name: breakdown(test, flags(test), "slide", settings) for name in ("dpa", "NA")}
    write_csv(tmp_path / "breakdown.csv", by_detector(parts))
    assert read_breakdown(tmp_path / "breakdown.csv", "NA")["name"].tolist() == ["007", "NA"]
