"""Score one trained model: ``python -m stages.evaluate <arm> <detector> <seed>``."""

from pipeline import layout
from pipeline.arms import read_arm
from pipeline.compute.device import Workplace, prepare_device
from pipeline.data.images import read_images
from pipeline.detectors.registry import load
from pipeline.evaluation.operating_point import thresholds
from pipeline.evaluation.provenance import provenance
from pipeline.evaluation.scorers import scorers
from pipeline.evaluation.scores import join_runs, score_table
from pipeline.files import write_csv, write_json
from pipeline.params.file import read_params
from pipeline.reporting.gallery import chosen_images, write_gallery
from pipeline.stage import run_stage


def main(arm: str, detector: str, seed: str) -> str:
    """Write the scores, where they come from, and a gallery under reports/."""
    params, settings, run = read_params(), read_arm(arm), layout.run_name(arm, detector, int(seed))
    images, model, folder = read_images(layout.prepared(arm)), layout.model(run), layout.pictures(run)
    place, drawn, own = Workplace(prepare_device(params.compute)), settings.shared.evaluate, settings.detector(detector)
    fitted = load(detector, model, own, place)
    table = score_table(images, run, scorers(detector, fitted, own.resolution, images, int(seed)))
    write_csv(layout.scores(run), table)
    pixels = layout.prepared(arm) / "images.npy"
    write_json(folder / "provenance.json", provenance(layout.inventory(arm), pixels, model, str(place)))
    limits = thresholds(join_runs([table], [run]), params.compute_metrics.held_out_quantile)
    test = table[table["split"] == "test"]
    chosen = chosen_images(test, None if limits is None else float(limits[0]), drawn.gallery_images)
    write_gallery(folder / "gallery.png", f"{arm}, seed {seed}", fitted, images, chosen, drawn.heat_map_top)
    return f"{run}: scored {len(table)} images"


if __name__ == "__main__":
    run_stage(main)
