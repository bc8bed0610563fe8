"""Results of arms that were never run."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.evaluation.metrics import METRICS

Results = dict[str, Any]
BASELINES = ("untrained", "pixel_l1", "colour_statistics", "mean_intensity")


def figure(*seeds: float, low: float | None = 0.6, high: float | None = 0.9) -> dict[str, Any]:
    mean = sum(seeds) / len(seeds)
    std = None if len(seeds) == 1 else (sum((s - mean) ** 2 for s in seeds) / (len(seeds) - 1)) ** 0.5
    return {"mean": mean, "std": std, "low": low, "high": high, "seeds": list(seeds)}


def beaten(area: float) -> dict[str, Any]:
    """A baseline that its detector beats."""
    return {"roc_auc": figure(area, area), "detector_above": {"mean": 0.15, "low": 0.1, "high": 0.2}}


@pytest.fixture
def results_of() -> Callable[..., Results]:
    """Results of an arm with two seeds, in the layout of arm_results; a test changes what it is about."""

    def results(*areas: float, **changed: Any) -> Results:
        return {
            "seeds": [4, 7],
            "test": {
                "images": 11_000,
                "abnormal": 2750,
                "abnormal_share": 0.25,
                "groups": 20,
                "rarer_groups": 8,
                "grouped": True,
            },
            "metrics": {name: figure(*areas) if name == "roc_auc" else figure(0.5, 0.5) for name in METRICS},
            "baselines": {name: beaten(0.55) for name in BASELINES},
            "operating_point": {
                "held_out_quantile": 0.95,
                "held_out": 37,
                "held_out_flagged": 0.025,
                "thresholds": [0.5, 0.25],
                "sensitivity": figure(0.3, 0.4),
                "specificity": figure(0.9, 0.9),
            },
            "slides": None,
            "validation": {"loss": 0.45, "roc_auc": 0.65},
            "above_reference": None,
        } | changed

    return results
