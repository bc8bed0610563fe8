"""Train the detector of one arm with one seed: ``python -m stages.train <arm> <seed>``."""

from pathlib import Path

from pipeline.detectors.device import prepare_device
from pipeline.detectors.dpa import DeepPerceptualAutoencoder
from pipeline.files import write_csv
from pipeline.images import read_images
from pipeline.params.file import read_params
from pipeline.stage import run_stage
from pipeline.training.fitting import fit_arm


def main(arm: str, seed: str) -> str:
    """Write the model under data/models/ and the training history under reports/."""
    params = read_params()
    params.check_arm(arm, "train")
    device = prepare_device(params.compute)
    images = read_images(Path("data/prepared") / arm)
    print(f"training {arm}, seed {seed}, on {device}", flush=True)
    detector = DeepPerceptualAutoencoder(params.train[arm], images.pixels.shape[3], device)
    history = fit_arm(detector, images, int(seed))
    run = Path(arm, "dpa", f"seed-{seed}")
    detector.save("data/models" / run / "model.pt")
    write_csv("reports/arms" / run / "history.csv", history)
    return (
        f"{arm}, seed {seed}: trained on {len(images.rows('train'))} normal images for "
        f"{history['iteration'].iloc[-1]} iterations, loss {history['loss'].iloc[-1]:.4f}"
    )


if __name__ == "__main__":
    run_stage(main)
