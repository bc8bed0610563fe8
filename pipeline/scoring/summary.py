"""What the command says when it is done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.evaluation.calibration import Calibration, fewest_normals
from pipeline.scoring.images import STRANGE
from pipeline.scoring.model import Model

REASONS = 5  # of inputs without a score; results.csv has all


def named(model: Model, normals: str) -> str:
    """Name a model, what it is for and what its scores are compared with."""
    average = f", the average of {len(model.averaged)} seeds" if model.averaged else ""
    return f"{model.name} ({model.preparation.image}s{average}), calibrated on {normals}"


def summary(table: pd.DataFrame, facts: dict[str, Any], model: Model, unscored: int, out: Path) -> Iterator[str]:
    """Yield lines for a terminal.

    Args:
        table: Of all inputs, see :func:`pipeline.scoring.results.with_q`.
        facts: Of :func:`pipeline.scoring.results.facts_of`.
        model: The model, as it was calibrated.
        unscored: How many of the named normals could not be scored.
        out: The folder of the results.
    """
    failed = table[table["status"] != "ok"]
    normals = f"{len(model.calibration.normals)} {'named ' if model.normals_checksum else ''}normals"
    yield f"{facts['scored']} of {len(table)} inputs scored by {named(model, normals)}; {facts['flagged']} flagged"
    for reason in failed["reason"][:REASONS]:
        yield f"not scored: {reason}"
    if len(failed) > REASONS:
        yield f"and {len(failed) - REASONS} more, see results.csv"
    if unscored:
        yield f"{unscored} of the named normals could not be scored, see normals.csv"
    slides = "views" in table and table["views"].notna().any()
    yield from _cannot_flag(model.slides if slides and model.slides else model.calibration, facts["alpha"], model)
    if table["appearance_p"].notna().any():
        yield from _cannot_be_strange(model)
    if slides:
        yield facts["slides"]["p"]
    yield f"open {out / 'report.html'}"


def _cannot_flag(known: Calibration, alpha: float, model: Model) -> Iterator[str]:
    there, needed = len(known.normals), fewest_normals(alpha)
    if there < needed:
        yield (
            f"nothing can be flagged at {alpha:g}: that takes {needed} {model.normals_are} normals, "
            f"and there are {there}"
        )


def _cannot_be_strange(model: Model) -> Iterator[str]:
    there, needed = len(model.appearance.distances.normals), fewest_normals(STRANGE)
    if there < needed:
        yield (
            f"nothing can be marked as strange: an appearance p of {STRANGE:g} takes {needed} "
            f"{model.normals_are} normals, and with {there} none is below {1 / (there + 1):.2g}"
        )
