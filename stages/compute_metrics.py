"""Derive the figures of one arm's detector from its scores: ``python -m stages.compute_metrics <arm> <detector>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.evaluation.breakdown import breakdown
from pipeline.evaluation.curves import histogram, precision_recall_points, roc_points
from pipeline.evaluation.operating_point import flagged_images
from pipeline.evaluation.results import arm_results
from pipeline.evaluation.scores import read_arm_scores
from pipeline.files import write_csv, write_json
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main(arm: str, detector: str) -> str:
    """Write metrics with intervals, their breakdown by finding or slide, and what is plotted, under reports/."""
    params = read_params()
    settings, seeds, unit = params.compute_metrics, list(params.seeds), read_arm(arm).data.unit
    scores = read_arm_scores(arm, detector, seeds)
    folder, test = layout.results(arm, detector), scores.test()
    results = arm_results(scores, seeds, settings, unit)
    parts = breakdown(test, flagged_images(scores, settings.held_out_quantile), unit, settings)
    write_json(folder / "metrics.json", results)
    write_csv(folder / "breakdown.csv", parts)
    write_csv(folder / "roc.csv", roc_points(test, seeds))
    write_csv(folder / "precision_recall.csv", precision_recall_points(test, seeds))
    write_csv(folder / "histogram.csv", histogram(test, seeds))
    area, images = results["metrics"]["roc_auc"], results["test"]["images"]
    return f"{arm}/{detector}: ROC AUC {area['mean']} ({area['low']} to {area['high']}) on {images} images"


if __name__ == "__main__":
    run_stage(main)
