"""What a search leaves behind: a row per trial, and the score of every image by every trial."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import PipelineError
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
            row[name] = round(float(np.mean([of[name] for of in trial.folds])), DIGITS) if trial.folds else None
        for number, fold in enumerate(folds):
            of = trial.folds[number] if number < len(trial.folds) else None
            row |= {f"{name}_{number}": round(of[name], DIGITS) if of else None for name in Figures._fields}
            row |= {f"iterations_{number}": of["iterations"] if of else None, f"seed_{number}": fold.seed}
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
        PipelineError: If there is none.
    """
    if not path.is_file():
        raise PipelineError(f"{path} is missing: run `make tune ARM={arm}`")
    names = [str(name) for name in pd.read_csv(path, nrows=0).columns]
    text = {name: str for name in names if name in ("state", "reason") or not RESERVED.fullmatch(name)}
    return pd.read_csv(path, dtype=text, keep_default_na=False, na_values={n: [""] for n in names if n not in text})


def read_scores(path: Path) -> pd.DataFrame:
    """Read what :func:`score_table` returned, from a CSV."""
    header = pd.read_csv(path, nrows=0)
    trials = [column for column in header if column not in FACTS]
    types = {name: str for name in FACTS if name != "label"}
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values={str(name): [""] for name in trials})


def _facts(index: pd.DataFrame, kind: np.ndarray, fold: Fold, name: str) -> pd.DataFrame:
    rows = index.iloc[fold.judged]
    table = rows[["id", "group", "split", "label"]].reset_index(drop=True)
    return table.assign(fold=name, kind=kind[fold.judged])[FACTS]
