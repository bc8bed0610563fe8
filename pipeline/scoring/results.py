"""What comes out of scoring: a table of all inputs, and what it was made with."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.compute.device import Workplace
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import q_values
from pipeline.evaluation.provenance import libraries
from pipeline.files import read_json, write_csv, write_json
from pipeline.scoring.model import Model

RESULTS, RUN = "results.csv", "run.json"
DIGITS = 6


def check_output(out: Path, model: Model) -> None:
    """Check that a folder is new, empty, or holds results of the same model.

    Raises:
        PipelineError: If it holds anything else, so that results of two models are never mixed.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise PipelineError(f"{out} is a file: name a folder for the results")
    if (out / RUN).is_file():
        other = read_json(out / RUN, "name another folder").get("model_md5")
        if other != model.checksum:
            raise PipelineError(f"{out} holds results of another model: name another folder, or remove it")
    elif any(file.name != ".parts" for file in out.iterdir()):
        raise PipelineError(f"{out} is not empty and holds no results: name another folder")


def with_q(table: pd.DataFrame) -> pd.DataFrame:
    """Add q-values over all images that have a score."""
    table = table.assign(q=np.nan)
    scored = table["status"] == "ok"
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
    known = model.calibration
    alarms = known.false_alarms(alpha)
    return {
        "model": model.path.name,
        "model_md5": model.checksum,
        "detector": model.name,
        "kind": model.kind,
        "alpha": alpha,
        "normals": len(known.normals),
        "threshold": known.threshold(alpha),
        "false_alarms": alarms and {"expected": alarms.expected, "low": alarms.low, "high": alarms.high},
        "inputs": len(table),
        "scored": int((table["status"] == "ok").sum()),
        "flagged": int(table["flagged"].sum()),
        "device": str(place),
        "libraries": libraries(),
    }
