"""Train the detector of one arm with one seed: ``python -m stages.train <arm> <seed>``."""

from pathlib import Path

from pipeline.compute.device import workplace
from pipeline.compute.processes import is_launched, launch
from pipeline.data.images import read_images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.statistics import read_statistics
from pipeline.detectors.fitting import fit_arm
from pipeline.files import remove, write_csv
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage


def main(arm: str, seed: str) -> str:
    """Write the model under data/models/, the training history and its pictures under reports/."""
    params = read_params()
    params.check_arm(arm, "train")
    settings, compute, run = params.train[arm], params.compute, Path(arm, "dpa", f"seed-{seed}")
    if compute.processes > 1 and not is_launched():
        launch(compute.processes, "stages.train", arm, seed)
    images = read_images(Path("data/prepared") / arm)
    statistics = read_statistics(Path("data/models") / arm / "dpa" / "features.npz")
    scratch = Path(".cache/training") / run
    with workplace(compute) as place:
        detector = DeepPerceptualAutoencoder(settings, images.pixels.shape[3], statistics, place, images.preparation)
        history = fit_arm(detector, images, int(seed), scratch)
        if place.processes.rank:
            return ""
        detector.save("data/models" / run / "model.pt")
        write_csv("reports/arms" / run / "history.csv", history.rows)
        contact_sheet("reports/arms" / run / "growth.png", f"{arm}, seed {seed}", history.pictures)
        remove(scratch)
        return f"{arm}, seed {seed}: {history.rows['iteration'].iloc[-1]} iterations{place.memory()}"


if __name__ == "__main__":
    run_stage(main)
