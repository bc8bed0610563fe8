"""What a search leaves behind: a row per trial, and the score of every image by every trial."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.errors import PipelineError
from pipeline.tuning.criteria import Figures
from pipeline.tuning.folds import Fold
from pipeline.tuning.outcomes import Done

FACTS = ["fold", "id", "group", "split", "label", "kind"]
DIGITS = 6


def trial_table(done: Sequence[Done], folds: Sequence[Fold]) -> pd.DataFrame:
    """Sum up the trials.

    Returns:
        ``trial``, one column per dimension, ``state`` (complete or pruned), the means over folds ``roc_auc``, ``loss``
        and ``aucp``, then of each fold these, ``iterations`` and ``seed``, empty where it was not trained.
    """
    rows = []
    for trial in done:
        row: dict[str, Any] = {
            "trial": trial.number,
            **trial.options,
            "state": "pruned" if trial.pruned else "complete",
        }
        row |= {name: round(float(np.mean([of[name] for of in trial.outcome])), DIGITS) for name in Figures._fields}
        for number, (of, fold) in enumerate(zip(trial.outcome, folds, strict=False)):
            row |= {f"{name}_{number}": round(of[name], DIGITS) for name in Figures._fields}
            row |= {f"iterations_{number}": of["iterations"], f"seed_{number}": fold.seed}
        rows.append(row)
    return pd.DataFrame(rows).astype(
        {f"{name}_{k}": "Int64" for k in range(len(folds)) for name in ("iterations", "seed")}
    )


def score_table(
    index: pd.DataFrame,
    kind: np.ndarray,
    folds: Sequence[Fold],
    done: Sequence[Done],
    test: Fold,
    tested: Sequence[Done],
) -> pd.DataFrame:
    """Put the scores of all trials beside each other.

    Args:
        index: Of the array contract.
        kind: Of each image's anomaly, str (N,).
        folds: Of the search.
        done: Its trials.
        test: What the trained settings were tested on.
        tested: The whole trials, trained on all normals.

    Returns:
        The columns :data:`FACTS` and ``trial_<n>`` with the score of each trial: of the images that each fold is judged
        by, then, with the fold ``test``, of the test images.
    """
    parts = []
    for number, fold in enumerate(folds):
        part = _facts(index, kind, fold, str(number))
        for trial in done:
            if number < len(trial.outcome):
                part[f"trial_{trial.number}"] = trial.outcome[number]["scores"]
        parts.append(part)
    last = _facts(index, kind, test, "test")
    whole = [trial for trial in done if not trial.pruned]
    for trial, of_test in zip(whole, tested, strict=True):
        last[f"trial_{trial.number}"] = of_test.outcome[0]["scores"]
    return pd.concat([*parts, last], ignore_index=True)


def read_trials(path: Path, arm: str) -> pd.DataFrame:
    """Read the table of a search.

    Raises:
        PipelineError: If there is none.
    """
    if not path.is_file():
        raise PipelineError(f"{path} is missing: run `make tune ARM={arm}`")
    names = pd.read_csv(path, nrows=0).columns
    figures = r"(trial|roc_auc|loss|aucp|iterations|seed)(_\d+)?"
    text = {name: str for name in names if not re.fullmatch(figures, name)}
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
