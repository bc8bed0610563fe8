"""Which findings are found, and what became of every slide."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import DIGITS, estimate, roc_auc_figures
from pipeline.evaluation.scores import SCORE, ArmScores
from pipeline.files import read_csv
from pipeline.params.evaluate import ComputeMetrics

COLUMNS = ["part", "name", "images", "groups", "roc_auc", "roc_auc_std", "low", "high", "flagged"]
FINDING = "finding"  # the part where images are parts of nothing larger


def breakdown(test: ArmScores, flags: np.ndarray | None, whole: str | None, settings: ComputeMetrics) -> pd.DataFrame:
    """Take the test split apart.

    Args:
        test: The test split's scores.
        flags: Whether each image is above its seed's threshold, bool (seeds, N); None without a threshold.
        whole: What images are parts of, see :class:`pipeline.data.kinds.KindSettings`: the split is taken apart by it,
            or else by finding.
        settings: Of the bootstrap.

    Returns:
        One row per slide or finding, sorted by name: ``part`` (what it is), ``name``, its number of ``images`` and
        ``groups``; ``roc_auc`` of its abnormal images against all normal ones of the test split, with the deviation
        over seeds and the interval over groups (empty for a normal slide, or too few groups); ``flagged``, the share of
        its images above the threshold, mean over seeds.
    """
    rows = []
    for name, members in _wholes(test) if whole else _findings(test):
        abnormal = members & (test.labels == 1)
        share = None if flags is None else round(float(flags[:, members].mean()), DIGITS)
        rows.append(
            {
                "part": whole or FINDING,
                "name": name,
                "images": int(members.sum()),
                "groups": len(np.unique(test.groups[members])),
                **(_area(test.part(abnormal | (test.labels == 0)), settings) if abnormal.any() else {}),
                "flagged": share,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def read_breakdown(path: Path, detector: str) -> pd.DataFrame:
    """Read what :func:`breakdown` found of a detector, from a CSV of all; a slide or finding may have any name.

    Raises:
        PipelineError: If it is missing or damaged.
    """
    columns = ["detector", *COLUMNS[:4]]
    table = read_csv(path, columns, columns[:3], "run `dvc repro`, whose stage compute_metrics makes it")
    return table[table["detector"] == detector].drop(columns="detector").reset_index(drop=True)


def _wholes(test: ArmScores) -> Iterator[tuple[str, np.ndarray]]:
    for source in np.unique(test.sources.astype(str)):
        yield source, test.sources == source


def _findings(test: ArmScores) -> Iterator[tuple[str, np.ndarray]]:
    """Each finding alone or among others, and "No Finding" for the normal images."""
    yield "No Finding", test.labels == 0
    listed = test.images["findings"].str.split("|")
    for finding in sorted({name for names in listed for name in names if name}):
        yield finding, listed.map(lambda names, finding=finding: finding in names).to_numpy() & (test.labels == 1)


def _area(part: ArmScores, settings: ComputeMetrics) -> dict[str, Any]:
    resamples = Resamples(part.labels, part.groups, settings.resamples, settings.seed)
    area = estimate(roc_auc_figures(part.labels, part.scores[SCORE], resamples), resamples).content()
    return {"roc_auc": area["mean"], "roc_auc_std": area["std"], "low": area["low"], "high": area["high"]}
