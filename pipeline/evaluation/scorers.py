"""The detector's score and those of what it is compared with."""

from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.base import Detector, Scorer
from pipeline.detectors.fitting import training_rows
from pipeline.detectors.registry import BASELINES, build, settings_of
from pipeline.evaluation.scores import SCORE


def scorers(name: str, detector: Detector, resolution: int | None, images: Images, seed: int) -> dict[str, Scorer]:
    """Return what scores the images, by the name of its column.

    Args:
        name: The detector's.
        detector: The fitted detector.
        resolution: Side of the central square that it scores, as the baselines do, too; None for whole images.
        images: The prepared arm, to whose training normals the baselines are fitted.
        seed: Of the detector's fit.
    """
    beside = {other: _fitted(other, resolution, images, seed) for other in BASELINES if other != name}
    return {SCORE: detector.score, **detector.references(seed), **beside}


def _fitted(name: str, resolution: int | None, images: Images, seed: int) -> Scorer:
    """A baseline on the CPU, where there is no need to train for long."""
    settings = settings_of(name, {"side": resolution})
    baseline = build(name, settings, images.pixels.shape[3], Workplace(), images.preparation)
    baseline.fit(images.pixels, training_rows(images), images.rows("val", label=0), seed)
    return baseline.score
