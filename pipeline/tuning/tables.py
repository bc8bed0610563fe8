"""What a search leaves behind: a row per trial, and the score of every image by every trial."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import PipelineError
from pipeline.files import parse_csv, read_csv, read_text
from pipeline.params.tune import RESERVED
from pipeline.tuning.criteria import Figures
from pipeline.tuning.folds import Fold
from pipeline.tuning.outcomes import Done

FACTS = ["fold", "id", "group", "split", "label", "kind"]
DIGITS = 6


def trial_table(done: Sequence[Done], folds: Sequence[Fold]) -> pd.DataFrame:
    """Sum up the trials.

    Returns:
        ``trial``, one column per dimension, ``state`` (complete, pruned or failed), ``reason`` (of failing), the means
        over folds ``roc_auc``, ``loss`` and ``aucp``, then of each fold these, ``iterations`` and ``seed``, empty where
        it was not trained.
    """
    rows = []
    for trial in done:
        row: dict[str, Any] = {"trial": trial.number, **trial.options, "state": trial.state, "reason": trial.reason}
        for name in Figures._fields:
            row[name] = (
                round(float(np.mean([figures[name] for figures in trial.folds])), DIGITS) if trial.folds else None
            )
        for number, fold in enumerate(folds):
            run = trial.folds[number] if number < len(trial.folds) else None
            row |= {f"{name}_{number}": round(run[name], DIGITS) if run else None for name in Figures._fields}
            row |= {f"iterations_{number}": run["iterations"] if run else None, f"seed_{number}": fold.seed}
        rows.append(row)
    whole = {f"iterations_{number}": "Int64" for number in range(len(folds))}
    return pd.DataFrame(rows).astype({**whole, **dict.fromkeys(Figures._fields, float)})


def score_table(
    index: pd.DataFrame,
    kind: np.ndarray,
    folds: Sequence[Fold],
    done: Sequence[Done],
    test: Fold,
    tested: Mapping[int, Done],
) -> pd.DataFrame:
    """Put the scores of all trials beside each other.

    Args:
        index: Of the array contract.
        kind: Of each image's anomaly, str (N,).
        folds: Of the search.
        done: Its trials.
        test: What the trained settings were tested on.
        tested: Trial to what came out when it was trained on all normals.

    Returns:
        The columns :data:`FACTS` and ``trial_<n>`` with the score of each trial: of the images that each fold is judged
        by, then, with the fold ``test``, of the test images.
    """
    parts = []
    for number, fold in enumerate(folds):
        part = _facts(index, kind, fold, str(number))
        for trial in done:
            if number < len(trial.folds):
                part[f"trial_{trial.number}"] = trial.folds[number]["scores"]
        parts.append(part)
    last = _facts(index, kind, test, "test")
    for number, of_test in tested.items():
        last[f"trial_{number}"] = of_test.folds[0]["scores"]
    return pd.concat([*parts, last], ignore_index=True)


def read_trials(path: Path, arm: str) -> pd.DataFrame:
    """Read the table of a search.

    Raises:
        PipelineError: If there is none, or it is damaged.
    """
    again = f"run `make tune ARM={arm}`"
    text = read_text(path, again)
    names = next(csv.reader([text.partition("\n")[0]]), [])
    texts = [name for name in names if name in ("state", "reason") or not RESERVED.fullmatch(name)]
    trials = parse_csv(text, str(path), ["trial", "state"], texts, again)
    whole = trials[trials["state"] == "complete"]
    for name in Figures._fields:
        if name not in whole or not len(whole) or not np.isfinite(whole[name].to_numpy(float)).all():
            raise PipelineError(f"{path}: no {name} of every trial that came to its end, or none did: {again}")
    return trials


def read_scores(path: Path, arm: str) -> pd.DataFrame:
    """Read what :func:`score_table` returned, from a CSV.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    again = f"run `make tune ARM={arm}`"
    scores = read_csv(path, FACTS, [name for name in FACTS if name != "label"], again)
    if not {"0", "test"} <= set(scores["fold"]):
        raise PipelineError(f"{path} is cut, a fold or the test is not in it: {again}")
    return scores


def _facts(index: pd.DataFrame, kind: np.ndarray, fold: Fold, name: str) -> pd.DataFrame:
    rows = index.iloc[fold.judged]
    table = rows[["id", "group", "split", "label"]].reset_index(drop=True)
    return table.assign(fold=name, kind=kind[fold.judged])[FACTS]
