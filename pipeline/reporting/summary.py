"""What a pull request compares: the results of all arms, small enough for one table."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline import layout
from pipeline.errors import PipelineError
from pipeline.files import read_json

# Arm to detector to what pipeline.evaluation.results.arm_results made, with `above_reference`.
Results = Mapping[str, Mapping[str, Any]]


def read_results(arms: Sequence[str], detectors: Sequence[str], seeds: Sequence[int]) -> Results:
    """Read the results of every detector on every arm.

    Raises:
        PipelineError: If results are missing or unreadable, or of other seeds.
    """
    return {arm: _read(arm, detectors, seeds) for arm in arms}


def _read(arm: str, detectors: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    path, again = layout.results(arm) / "metrics.json", f"run `dvc repro compute_metrics@{arm}`"
    content = read_json(path, again)
    if missing := [name for name in detectors if name not in content]:
        raise PipelineError(f"{path} has no results of {missing[0]}: {again}")
    results = {name: content[name] for name in detectors}
    for single in results.values():
        try:
            _numbers(single)
            above = single["above_reference"] or {"mean": 0, "low": 0, "high": 0}
            _ = above["mean"], above["low"], above["high"], single["test"]["rarer_groups"]
        except (KeyError, TypeError, AttributeError) as error:
            raise PipelineError(f"{path} does not hold the results of this version: {again}") from error
        if single["seeds"] != list(seeds):
            raise PipelineError(f"{path} is of the seeds {single['seeds']}, params.yaml names {list(seeds)}: {again}")
    return results


def by_roc_auc(results: Mapping[str, Any]) -> list[str]:
    """The detectors of an arm, the one with the highest ROC AUC first."""
    return sorted(results, key=lambda name: -results[name]["metrics"]["roc_auc"]["mean"])


def summarise(results: Results) -> dict[str, Any]:
    """Keep of the results what is compared between revisions: arm to detector to name to number.

    What cannot be computed is left out.
    """
    return {
        arm: {detector: _numbers(single) for detector, single in detectors.items()}
        for arm, detectors in results.items()
    }


def _numbers(results: Mapping[str, Any]) -> dict[str, float]:
    area, cut, slides = results["metrics"]["roc_auc"], results["operating_point"] or {}, results["slides"] or {}
    validation = results["validation"] or {}
    numbers = {
        **{name: metric["mean"] for name, metric in results["metrics"].items()},
        "roc_auc_std": area["std"],
        "roc_auc_low": area["low"],
        "roc_auc_high": area["high"],
        **{f"{name}_roc_auc": baseline["roc_auc"]["mean"] for name, baseline in results["baselines"].items()},
        **{name: cut[name]["mean"] for name in ("sensitivity", "specificity") if cut},
        **{f"slide_{name}": slides[name]["mean"] for name in ("mean_roc_auc", "upper_quantile_roc_auc") if slides},
        **{f"validation_{name}": value for name, value in validation.items()},
        "abnormal_share": results["test"]["abnormal_share"],
        "test_images": results["test"]["images"],
        "test_groups": results["test"]["groups"],
        "seeds": len(area["seeds"]),
    }
    return {name: value for name, value in numbers.items() if value is not None}
