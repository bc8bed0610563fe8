"""What a pull request compares: the results of all arms, small enough for one table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.files import read_json


def read_results(folder: Path, arms: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """Read the results of every arm.

    Args:
        folder: ``reports/arms``.
        arms: The trained arms.
        seeds: Their seeds.

    Returns:
        Arm → what :func:`pipeline.evaluation.results.arm_results` found.

    Raises:
        PipelineError: If the results of an arm are missing or unreadable, or of other seeds.
    """
    results = {}
    for arm in arms:
        path, again = folder / arm / "dpa" / "metrics.json", f"run `dvc repro compute_metrics@{arm}`"
        results[arm] = read_json(path, again)
        try:
            _numbers(results[arm])
        except (KeyError, TypeError, AttributeError) as error:
            raise PipelineError(f"{path} does not hold the results of this version: {again}") from error
        if results[arm]["seeds"] != list(seeds):
            raise PipelineError(
                f"{path} is of the seeds {results[arm]['seeds']}, params.yaml names {list(seeds)}: {again}"
            )
    return results


def summarise(results: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of the results what is compared between revisions.

    Args:
        results: Of :func:`read_results`.

    Returns:
        Arm → detector → name → number; what cannot be computed is left out.
    """
    return {arm: {"dpa": _numbers(of_arm)} for arm, of_arm in results.items()}


def _numbers(of_arm: dict[str, Any]) -> dict[str, float]:
    area, cut, slides = of_arm["metrics"]["roc_auc"], of_arm["operating_point"] or {}, of_arm["slides"] or {}
    validation = of_arm["validation"] or {}
    found = {
        **{name: metric["mean"] for name, metric in of_arm["metrics"].items()},
        "roc_auc_std": area["std"],
        "roc_auc_low": area["low"],
        "roc_auc_high": area["high"],
        **{f"{name}_roc_auc": baseline["roc_auc"]["mean"] for name, baseline in of_arm["baselines"].items()},
        **{name: cut[name]["mean"] for name in ("sensitivity", "specificity") if cut},
        **{f"slide_{name}": slides[name]["mean"] for name in ("mean_roc_auc", "upper_quantile_roc_auc") if slides},
        **{f"validation_{name}": value for name, value in validation.items()},
        "abnormal_share": of_arm["test"]["abnormal_share"],
        "test_images": of_arm["test"]["images"],
        "test_groups": of_arm["test"]["groups"],
        "seeds": len(area["seeds"]),
    }
    return {name: value for name, value in found.items() if value is not None}
