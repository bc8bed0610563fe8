"""Score one trained model: ``python -m stages.evaluate <arm> <seed>``."""

from functools import partial
from pathlib import Path

from pipeline.detectors.device import Workplace, prepare_device
from pipeline.detectors.dpa import DeepPerceptualAutoencoder
from pipeline.evaluation.baselines import mean_intensity
from pipeline.evaluation.metrics import roc_points, run_metrics
from pipeline.evaluation.scores import score_table
from pipeline.files import write_csv, write_json
from pipeline.images import read_images
from pipeline.params.file import read_params
from pipeline.reporting.gallery import write_gallery
from pipeline.stage import run_stage


def main(arm: str, seed: str) -> str:
    """Write scores, metrics, the ROC curve and a gallery under reports/."""
    params = read_params()
    params.check_arm(arm, "train")
    images = read_images(Path("data/prepared") / arm)
    run = Path(arm, "dpa", f"seed-{seed}")
    settings, model = params.train[arm], "data/models" / run / "model.pt"
    detector = DeepPerceptualAutoencoder.load(model, settings.weights, Workplace(prepare_device(params.compute)))
    intensity = partial(mean_intensity, side=settings.resolution)
    untrained = detector.untrained(int(seed)).score
    scores = score_table(images, detector.score, untrained=untrained, mean_intensity=intensity)
    metrics = run_metrics(scores)
    report = "reports/arms" / run
    write_csv(report / "scores.csv", scores)
    write_csv(report / "roc.csv", roc_points(scores))
    title, shown = f"{arm}, seed {seed}", params.evaluate.gallery_images
    write_gallery(report / "gallery.png", title, detector, images, scores, shown)
    write_json(report / "metrics.json", metrics)
    return f"{arm}, seed {seed}: ROC AUC {metrics['roc_auc']}, untrained {metrics['untrained_roc_auc']}"


if __name__ == "__main__":
    run_stage(main)
