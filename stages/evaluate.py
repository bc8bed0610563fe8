"""Score one trained model: ``python -m stages.evaluate <arm> <detector> <seed>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.compute.device import workplace
from pipeline.data.images import read_images
from pipeline.evaluation.appearance import appearance_of
from pipeline.params.file import read_params
from pipeline.reporting.run_files import write_run
from pipeline.stage import run_stage


def main(arm: str, detector: str, seed: str) -> str:
    """Write the scores, where they come from, and a gallery under reports/."""
    params, images = read_params(), read_images(layout.prepared(arm))
    with workplace(params.compute.alone) as place:
        quantile = params.compute_metrics.held_out_quantile
        count = write_run(read_arm(arm), detector, int(seed), images, appearance_of(images), place, quantile)
    return f"{layout.run_name(arm, detector, int(seed))}: scored {count} images"


if __name__ == "__main__":
    run_stage(main)
