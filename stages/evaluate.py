"""Score one trained model: ``python -m stages.evaluate <arm> <seed>``."""

from pathlib import Path

from pipeline.compute.device import Workplace, prepare_device
from pipeline.data.images import read_images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.evaluation.operating_point import thresholds
from pipeline.evaluation.provenance import provenance
from pipeline.evaluation.scorers import scorers
from pipeline.evaluation.scores import join_runs, run_name, score_table, scores_path
from pipeline.files import write_csv, write_json
from pipeline.params.file import read_params
from pipeline.reporting.gallery import chosen_images, write_gallery
from pipeline.stage import run_stage


def main(arm: str, seed: str) -> str:
    """Write the scores, where they come from, and a gallery under reports/."""
    params = read_params()
    params.check_arm(arm, "train")
    prepared, run = Path("data/prepared") / arm, run_name(arm, int(seed))
    model, folder = Path("data/models") / run / "model.pt", Path("reports/arms") / run
    images, drawn = read_images(prepared), params.evaluate[arm]
    place = Workplace(prepare_device(params.compute))
    detector = DeepPerceptualAutoencoder.load(model, params.train[arm].weights, place)
    table = score_table(images, run, scorers(detector, images, int(seed)))
    write_csv(Path(scores_path(run)), table)
    inventory = Path(f"data/raw/inventory/{arm}.csv")
    write_json(folder / "provenance.json", provenance(inventory, prepared / "images.npy", model, str(place)))
    limits = thresholds(join_runs([table], [run]), params.compute_metrics.held_out_quantile)
    test = table[table["split"] == "test"]
    chosen = chosen_images(test, None if limits is None else float(limits[0]), drawn.gallery_images)
    write_gallery(folder / "gallery.png", f"{arm}, seed {seed}", detector, images, chosen, drawn.heat_map_top)
    return f"{arm}, seed {seed}: scored {len(table)} images"


if __name__ == "__main__":
    run_stage(main)
