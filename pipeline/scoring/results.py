"""What comes out of scoring: a table of all inputs, and what it was made with."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.compute.device import Workplace
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import Calibration, q_values
from pipeline.evaluation.false_alarms import false_alarms
from pipeline.evaluation.provenance import libraries
from pipeline.files import read_json, read_text, remove, write_csv, write_json, write_text
from pipeline.scoring.model import Model

RESULTS, RUN = "results.csv", "run.json"
PARTS = ".parts"  # what an interrupted run has finished
CLAIM = f"{PARTS}/model"  # whose they are
NORMALS = "normals.csv"
DIGITS = 6


def begin(out: Path, model: Model, afresh: bool = False) -> None:
    """Claim a folder for the results of a model and what calibrates it, so that those of two are never mixed.

    Args:
        out: The folder.
        model: The model.
        afresh: Whether what an interrupted run has finished is removed.

    Raises:
        PipelineError: If it holds anything else than results, finished or not, of the same model and normals.
    """
    wanted = f"{model.checksum} {model.normals_checksum}"
    if out.exists() and not out.is_dir():
        raise PipelineError(f"{out} is a file: name a folder for the results")
    if (out / RUN).is_file():
        facts = read_json(out / RUN, "name another folder")
        claimed = f"{facts.get('model_md5')} {facts.get('normals_md5', '')}"
    elif (out / CLAIM).is_file():
        claimed = read_text(out / CLAIM, "name another folder")
    elif out.is_dir() and any(out.iterdir()):
        raise PipelineError(f"{out} is not empty and holds no results: name another folder")
    else:
        claimed = wanted
    whose, _, by = claimed.partition(" ")
    if whose != model.checksum:
        raise PipelineError(f"{out} holds results of another model: name another folder, or remove it")
    if by != model.normals_checksum:
        raise PipelineError(f"{out} holds results by other normals: name another folder, or remove it")
    if afresh:
        remove(out / PARTS)
    write_text(out / CLAIM, wanted)


def with_q(table: pd.DataFrame) -> pd.DataFrame:
    """Add q-values over all images that have a p-value."""
    table = table.assign(q=np.nan)
    scored = table["p"].notna()
    table.loc[scored, "q"] = q_values(table.loc[scored, "p"].to_numpy())
    return table


def write_results(out: Path, table: pd.DataFrame, facts: dict[str, Any]) -> None:
    """Write the table and what it was made with; the latter last, as a sign that all is there."""
    rounded = table.copy()
    for column in ("percentile", "p", "q", "appearance_p"):
        rounded[column] = rounded[column].round(DIGITS)
    write_csv(out / RESULTS, rounded)
    write_json(out / RUN, facts)


def facts_of(model: Model, place: Workplace, table: pd.DataFrame, alpha: float) -> dict[str, Any]:
    """Say what the results were made with, and what a flag is worth."""
    several = {"averaged": {f"seed-{seed}": checksum for seed, checksum in model.averaged.items()}}
    return {
        "model": model.title,
        "model_md5": model.checksum,
        "detector": model.name,
        "kind": model.kind,
        "alpha": alpha,
        **worth_of(model.calibration, alpha),
        "inputs": len(table),
        "scored": int((table["status"] == "ok").sum()),
        "flagged": int(table["flagged"].sum()),
        "device": str(place),
        "libraries": libraries(),
        **(several if model.averaged else {}),
        **({"normals_md5": model.normals_checksum} if model.normals_checksum else {}),
    }


def worth_of(known: Calibration, alpha: float) -> dict[str, Any]:
    """Say what a flag is worth by the normals that are known."""
    alarms = false_alarms(len(known.normals), alpha)
    return {
        "normals": len(known.normals),
        "threshold": known.threshold(alpha),
        "false_alarms": alarms and {"expected": alarms.expected, "low": alarms.low, "high": alarms.high},
    }
