"""What evaluation writes of one run: its scores, where they come from, and the images behind them."""

from pipeline import layout
from pipeline.arms import Arm
from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.registry import load, words_of
from pipeline.evaluation.appearance import Appearance
from pipeline.evaluation.calibrated_model import write_calibrated
from pipeline.evaluation.operating_point import thresholds
from pipeline.evaluation.provenance import provenance
from pipeline.evaluation.scorers import scorers
from pipeline.evaluation.scores import join_runs, score_table
from pipeline.files import write_csv, write_json
from pipeline.reporting.gallery import chosen_images, write_gallery


def write_run(
    arm: Arm,
    detector: str,
    seed: int,
    images: Images,
    appearance: Appearance,
    place: Workplace,
    quantile: float,
    gallery: bool = True,
) -> int:
    """Score a run's saved model and write the run's files under reports/.

    Args:
        arm: The arm.
        detector: The detector.
        seed: The seed of its fit.
        images: The prepared arm.
        appearance: Of these images.
        place: Where to compute.
        quantile: The share of held-out normals below the threshold, above which the gallery speaks of false alarms.
        gallery: Whether to draw one.

    Returns:
        The number of images that were scored.
    """
    run, drawn, own = layout.run_name(arm.name, detector, seed), arm.shared.evaluate, arm.detector(detector)
    arm.check_files(detector)
    model, folder = layout.model(run), layout.pictures(run)
    fitted = load(detector, model, own, place)
    table = score_table(images, run, scorers(detector, fitted, own.resolution, images, seed))
    write_csv(layout.scores(run), table)
    write_calibrated(layout.calibrated(run), model, detector, fitted, images, table, appearance)
    pixels = layout.prepared(arm.name) / "images.npy"
    write_json(folder / "provenance.json", provenance(layout.inventory(arm.name), pixels, model, str(place)))
    if gallery:
        limits = thresholds(join_runs([table], [run]), quantile)
        test = table[table["split"] == "test"]
        chosen = chosen_images(test, None if limits is None else float(limits[0]), drawn.gallery_images)
        write_gallery(
            folder / "gallery.png",
            f"{arm.name}, {words_of(detector).name}, seed {seed}",
            fitted,
            images,
            chosen,
            drawn.heat_map_top.get(detector),
        )
    return len(table)
