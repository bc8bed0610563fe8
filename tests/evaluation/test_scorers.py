import numpy as np

from pipeline.data.images import Images
from pipeline.detectors.base import Scorer
from pipeline.evaluation.scorers import scorers
from tests.detectors.test_fitting import Recorder


class WithReference(Recorder):
    """A detector that has something of its own to beat."""

    def references(self, seed: int) -> dict[str, Scorer]:
        return {"seeded": lambda pixels: np.full(len(pixels), float(seed))}


def test_a_detector_has_its_score_then_its_own_references_then_the_baselines(tiny_images: Images) -> None:
    found = scorers("recorder", WithReference(), 8, tiny_images, 7)
    assert list(found) == ["score", "seeded", "colour_statistics", "mean_intensity"]
    assert found["seeded"](tiny_images.pixels[:2]).tolist() == [7.0, 7.0]


def test_baselines_see_what_the_detector_scores_of_each_image(tiny_images: Images) -> None:
    pixels = tiny_images.pixels
    for resolution, part in ((8, pixels[:, 4:12, 4:12]), (None, pixels)):
        level = scorers("recorder", Recorder(), resolution, tiny_images, 0)["mean_intensity"]
        np.testing.assert_allclose(level(pixels), part.mean((1, 2, 3)))


def test_a_baseline_is_not_compared_with_itself(tiny_images: Images) -> None:
    assert list(scorers("mean_intensity", Recorder(), 8, tiny_images, 0)) == ["score", "colour_statistics"]
