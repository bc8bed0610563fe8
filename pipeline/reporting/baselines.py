"""What a detector has to beat."""

from collections.abc import Mapping
from typing import Any

from pipeline.reporting.names import baseline_names
from pipeline.reporting.tables import percent_interval, percent_std, verdict

BEATEN = "beaten"


def baseline_rows(detector: str, results: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows of a table of all baselines of a detector."""
    names, baselines = baseline_names(detector), results["baselines"]
    return [
        {
            "baseline": called,
            "ROC AUC": percent_std(baselines[name]["roc_auc"]),
            "detector above by": f"{100 * baselines[name]['detector_above']['mean']:+.1f}",
            "95 % interval": percent_interval(baselines[name]["detector_above"], signed=True),
            "": baseline_verdict(baselines[name]),
        }
        for name, called in names.items()
        if name in baselines
    ]


def best_baseline(detector: str, results: Mapping[str, Any]) -> tuple[str, str, str]:
    """The baseline with the highest ROC AUC: its name, this area in percent and the verdict on it."""
    name, best = max(results["baselines"].items(), key=lambda item: (item[1]["roc_auc"]["mean"], item[0]))
    return baseline_names(detector)[name], percent_std(best["roc_auc"]), baseline_verdict(best)


def best_baseline_text(detector: str, results: Mapping[str, Any]) -> str:
    """The best baseline in a cell of a table."""
    name, area, judged = best_baseline(detector, results)
    return f"{area} ({name}): {judged}"


def baseline_verdict(baseline: Mapping[str, Any]) -> str:
    """Whether a detector beats a baseline."""
    return verdict(baseline["detector_above"], BEATEN, "better than the detector")
