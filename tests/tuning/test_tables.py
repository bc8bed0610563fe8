from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.files import write_csv
from pipeline.tuning.folds import final_fold, kinds, known_anomalies, make_folds
from pipeline.tuning.outcomes import Done
from pipeline.tuning.tables import read_scores, read_trials, score_table, trial_table
from tests.tuning.conftest import ARM, arm_index, tune

INDEX = arm_index()
KIND = kinds(INDEX, whole=None)
FOLDS = make_folds(INDEX, known_anomalies(INDEX, KIND, tune(), ARM), tune(), ARM)
TEST = final_fold(INDEX, 0)


def trial(number: int, folds: int) -> Done:
    """A score is the image's row plus a hundred times the trial."""
    outcome = [
        {
            "scores": (fold.judged + 100.0 * number).tolist(),
            "iterations": 9,
            "roc_auc": 0.5 + k / 10,
            "loss": 1.0,
            "aucp": 0.6,
        }
        for k, fold in enumerate(FOLDS[:folds])
    ]
    return Done(number, {"latent": "4", "odd": "NA"}, outcome, "complete" if folds == 3 else "pruned")


def test_a_trial_is_a_row_with_means_and_folds_and_is_read_as_written(tmp_path: Path) -> None:
    failed = Done(2, {"latent": "4", "odd": "NA"}, [], "failed", "the loss is inf, or so")
    table = trial_table([trial(0, 3), trial(1, 1), failed], FOLDS)
    assert table["state"].tolist() == ["complete", "pruned", "failed"]
    assert table["roc_auc"].tolist()[:2] == [0.6, 0.5]
    assert table["roc_auc_2"].isna().tolist() == [False, True, True]
    write_csv(tmp_path / "trials.csv", table)
    read = read_trials(tmp_path / "trials.csv", ARM)
    assert read["odd"].tolist() == ["NA"] * 3
    assert read["latent"].tolist() == ["4"] * 3
    pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_every_score_stands_beside_its_image_and_is_read_as_written(tmp_path: Path) -> None:
    done = [trial(0, 3), trial(1, 1), trial(2, 3)]
    tested = {
        number: Done(number, {}, [{"scores": (TEST.judged + 100.0 * number).tolist()}], "complete") for number in (0, 2)
    }
    table = score_table(INDEX, KIND, FOLDS, done, TEST, tested)
    row = table["id"].map(pd.Series(np.arange(len(INDEX)), index=INDEX["id"]))
    assert (table["trial_0"] == row).all()
    assert (table["trial_2"] == row + 200).all()
    assert table["trial_1"].notna().equals(table["fold"] == "0")
    assert (table["split"] == "test").equals(table["fold"] == "test")
    write_csv(tmp_path / "scores.csv", table)
    pd.testing.assert_frame_equal(read_scores(tmp_path / "scores.csv", "x"), table, check_dtype=False)
