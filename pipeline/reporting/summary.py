"""Metrics of all runs: collected, averaged over seeds, small enough for the table of a pull request."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import PipelineError
from pipeline.evaluation.metrics import mean_and_std

SEEDLESS = ("mean_intensity_roc_auc",)
AVERAGED = ("roc_auc", "untrained_roc_auc", "mean_intensity_roc_auc", "average_precision")


def collect_metrics(runs: Path, arms: Sequence[str], seeds: Sequence[int]) -> pd.DataFrame:
    """Read the metrics of every run that the lists name.

    Args:
        runs: The folder ``reports/arms``.
        arms: The trained arms.
        seeds: The seeds of each.

    Returns:
        One row per arm and seed: ``arm``, ``seed`` and the metrics.

    Raises:
        PipelineError: If the metrics of a run are missing or unreadable.
    """
    rows = []
    for arm in arms:
        for seed in seeds:
            path = runs / arm / "dpa" / f"seed-{seed}" / "metrics.json"
            try:
                rows.append({"arm": arm, "seed": seed, **json.loads(path.read_text(encoding="utf-8"))})
            except FileNotFoundError as error:
                raise PipelineError(f"{path} is missing: run `dvc repro evaluate@{arm}-{seed}`") from error
            except json.JSONDecodeError as error:
                raise PipelineError(f"{path} is not valid JSON: evaluate {arm} with seed {seed} again") from error
    return pd.DataFrame(rows)


def summarise(metrics: pd.DataFrame) -> dict[str, Any]:
    """Average over seeds.

    Args:
        metrics: The table of :func:`collect_metrics`.

    Returns:
        Arm → detector → metric: mean and, from two seeds on, the sample standard deviation; the number of seeds
        and of test images.
    """
    summary: dict[str, Any] = {}
    if metrics.empty:
        return summary
    for arm, runs in metrics.groupby("arm", sort=False):
        values: dict[str, float] = {"seeds": len(runs), "test_images": int(runs["test_images"].iloc[0])}
        for name in AVERAGED:
            mean, std = mean_and_std(runs[name].tolist())
            values[name] = mean
            if std is not None and name not in SEEDLESS:
                values[f"{name}_std"] = std
        summary[str(arm)] = {"dpa": values}
    return summary
