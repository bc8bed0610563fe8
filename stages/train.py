"""Train one detector on one arm with one seed: ``python -m stages.train <arm> <detector> <seed>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.compute.device import workplace
from pipeline.compute.processes import is_launched, launch
from pipeline.data.images import read_images
from pipeline.detectors.fitting import fit_arm
from pipeline.detectors.registry import build
from pipeline.files import remove, write_csv
from pipeline.params.file import read_params
from pipeline.reporting.sheets import contact_sheet
from pipeline.stage import run_stage


def main(arm: str, detector: str, seed: str) -> str:
    """Write the model under data/models/, the training history and its pictures under reports/."""
    params, own, run = read_params(), read_arm(arm), layout.run_name(arm, detector, int(seed))
    own.check_files(detector)
    settings = own.detector(detector)
    compute = params.compute if settings.shares_training else params.compute.alone
    if compute.processes > 1 and not is_launched():
        launch(compute.processes, "stages.train", arm, detector, seed)
    images, scratch, folder = read_images(layout.prepared(arm)), layout.training(run), layout.pictures(run)
    with workplace(compute) as place:
        learner = build(detector, settings, images.pixels.shape[3], place, images.preparation)
        history = fit_arm(learner, images, int(seed), scratch)
        if place.processes.rank:
            return ""
        learner.save(layout.model(run))
        write_csv(folder / "history.csv", history.rows)
        contact_sheet(folder / "growth.png", f"{arm}, seed {seed}", history.pictures)
        remove(scratch)
        return f"{run}: {history.rows['iteration'].iloc[-1]} iterations{place.memory()}"


if __name__ == "__main__":
    run_stage(main)
