"""Fit a quick detector on one arm with every seed, and score: ``python -m stages.fit_and_score <arm> <detector>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.compute.device import workplace
from pipeline.data.images import read_images
from pipeline.detectors.fitting import fit_arm
from pipeline.detectors.registry import build
from pipeline.evaluation.appearance import appearance_of
from pipeline.files import remove, write_csv
from pipeline.params.file import read_params
from pipeline.reporting.run_files import write_run
from pipeline.stage import run_stage


def main(arm: str, detector: str) -> str:
    """Write models under data/models/, and scores, histories and the first seed's gallery under reports/."""
    params, settings, images = read_params(), read_arm(arm), read_images(layout.prepared(arm))
    quantile, count = params.compute_metrics.held_out_quantile, 0
    settings.check_files(detector)
    appearance, first = appearance_of(images), params.seeds[0]
    with workplace(params.compute.alone) as place:
        for seed in params.seeds:
            run = layout.run_name(arm, detector, seed)
            own = settings.detector(detector)
            learner = build(detector, own, images.pixels.shape[3], place, images.preparation)
            history = fit_arm(learner, images, seed, layout.training(run))
            learner.save(layout.model(run))
            write_csv(layout.pictures(run) / "history.csv", history.rows)
            remove(layout.training(run))
            count = write_run(settings, detector, seed, images, appearance, place, quantile, seed == first)
    return f"{arm}/{detector}: fitted and scored {count} images with each of {len(params.seeds)} seeds"


if __name__ == "__main__":
    run_stage(main)
