"""The detector's score and those of the baselines beside it."""

from functools import partial

from pipeline.data.images import Images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.fitting import training_rows
from pipeline.evaluation.baselines import colour_statistics, mean_intensity
from pipeline.evaluation.scores import Scorer


def scorers(detector: DeepPerceptualAutoencoder, images: Images, seed: int) -> dict[str, Scorer]:
    """Return what scores the images, by the name of its column.

    Args:
        detector: The trained detector.
        images: The prepared arm, whose training normals the colour statistics are learnt from.
        seed: The seed that the untrained network had, too.
    """
    side = detector.settings.resolution
    return {
        "score": detector.score,
        "untrained": detector.untrained(seed).score,
        "pixel_l1": detector.pixel_l1,
        "colour_statistics": colour_statistics(images.pixels, training_rows(images), side),
        "mean_intensity": partial(mean_intensity, side=side),
    }
