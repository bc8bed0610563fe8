"""Derive the figures of one arm's detectors from their scores: ``python -m stages.compute_metrics <arm>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.evaluation.breakdown import breakdown
from pipeline.evaluation.curves import by_detector, histogram, precision_recall_points, roc_points
from pipeline.evaluation.operating_point import flagged_images
from pipeline.evaluation.results import above_reference, arm_results
from pipeline.evaluation.scores import read_arm_scores
from pipeline.files import write_csv, write_json
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write metrics with intervals, their breakdown by finding or slide, and what is plotted, under reports/."""
    params, whole, folder = read_params(), read_arm(arm).data.whole, layout.results(arm)
    settings, seeds = params.compute_metrics, list(params.seeds)
    detectors = [*params.detectors, *params.quick_detectors]
    scores = {name: read_arm_scores(arm, name, seeds) for name in detectors}
    tests = {name: single.test() for name, single in scores.items()}
    flags = {name: flagged_images(single, settings.held_out_quantile) for name, single in scores.items()}
    results = {name: arm_results(single, seeds, settings, whole) for name, single in scores.items()}
    for name, above in above_reference(scores, detectors[0], settings).items():
        results[name]["above_reference"] = above
    write_json(folder / "metrics.json", results)
    parts = {name: breakdown(test, flags[name], whole, settings) for name, test in tests.items()}
    write_csv(folder / "breakdown.csv", by_detector(parts))
    for table, points in (("roc", roc_points), ("precision_recall", precision_recall_points), ("histogram", histogram)):
        write_csv(folder / f"{table}.csv", by_detector({name: points(test, seeds) for name, test in tests.items()}))
    areas = {name: single["metrics"]["roc_auc"]["mean"] for name, single in results.items()}
    images = results[detectors[0]]["test"]["images"]
    return f"{arm}: ROC AUC on {images} images: {', '.join(f'{name} {area}' for name, area in areas.items())}"


if __name__ == "__main__":
    run_stage(main)
