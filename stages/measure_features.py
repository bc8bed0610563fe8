"""Measure μ and σ of the perceptual network's filters on one arm: ``python -m stages.measure_features <arm>``."""

from pathlib import Path

from pipeline.detectors.backbones import perceptual_network
from pipeline.detectors.device import prepare_device
from pipeline.detectors.statistics import Statistics, measure_statistics, published_statistics, write_statistics
from pipeline.images import read_images
from pipeline.params.file import read_params
from pipeline.stage import run_stage
from pipeline.training.fitting import training_rows


def main(arm: str) -> str:
    """Write data/models/<arm>/dpa/features.npz."""
    params = read_params()
    params.check_arm(arm, "train")
    settings, device = params.train[arm], prepare_device(params.compute)
    images = read_images(Path("data/prepared") / arm)
    file, rows = Path("data/models") / arm / "dpa" / "features.npz", training_rows(images)
    backbone, source = (
        perceptual_network(settings, device),
        f"{min(len(rows), settings.statistics_images)} training images",
    )
    if backbone is None:
        statistics: Statistics = {}
    elif settings.statistics:
        statistics, source = (
            published_statistics(Path(settings.statistics), settings.steps, backbone),
            settings.statistics,
        )
    else:
        statistics = measure_statistics(settings, backbone, images.pixels, rows, device)
    write_statistics(file, statistics)
    layers = [f"{layer} at {r} px" for r, of_layers in statistics.items() for layer in of_layers]
    return f"{arm}: {', '.join(layers) or 'no layers'}, from {source}"


if __name__ == "__main__":
    run_stage(main)
