"""Measure μ and σ of the perceptual network's filters on one arm: ``python -m stages.measure_features <arm>``."""

from pathlib import Path

from pipeline.compute.device import prepare_device
from pipeline.data.images import read_images
from pipeline.detectors.dpa.statistics import arm_statistics, write_statistics
from pipeline.detectors.fitting import training_rows
from pipeline.params.file import read_params
from pipeline.stage import run_stage


def main(arm: str) -> str:
    """Write data/models/<arm>/dpa/features.npz."""
    params = read_params()
    params.check_arm(arm, "train")
    images, device = read_images(Path("data/prepared") / arm), prepare_device(params.compute)
    statistics, source = arm_statistics(params.train[arm], images.pixels, training_rows(images), device)
    write_statistics(Path("data/models") / arm / "dpa" / "features.npz", statistics)
    layers = [f"{layer} at {r} px" for r, of_layers in statistics.items() for layer in of_layers]
    return f"{arm}: {', '.join(layers) or 'no layers'}, from {source}"


if __name__ == "__main__":
    run_stage(main)
