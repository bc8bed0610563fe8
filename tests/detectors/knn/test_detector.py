import numpy as np
import pytest
from sklearn.metrics import pairwise_distances

from pipeline.errors import PipelineError
from tests.detectors.seen import abnormal, built, fitted, normal

pytestmark = pytest.mark.usefixtures("networks_read_once")


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("k", [1, 3])
def test_a_score_is_the_mean_distance_to_the_k_nearest_normals(distance: str, k: int) -> None:
    detector = fitted("knn", normal(10), k=k, distance=distance)
    known, asked = (detector.seen.pooled(images).astype(np.float64) for images in (normal(10), abnormal(4)))
    if distance == "cosine":
        known, asked = (features / np.linalg.norm(features, axis=1, keepdims=True) for features in (known, asked))
    expected = [np.sort([np.linalg.norm(one - other) for other in known])[:k].mean() for one in asked]
    np.testing.assert_allclose(detector.score(abnormal(4)), expected, rtol=1e-5)


def test_the_cosine_orders_as_the_angle_does() -> None:
    detector = fitted("knn", normal(10), k=1, distance="cosine")
    known, asked = (detector.seen.pooled(images).astype(np.float64) for images in (normal(10), abnormal(4)))
    angles = pairwise_distances(asked, known, "cosine").min(1)  # 1 − cos, and |a − b|² = 2 (1 − cos)
    np.testing.assert_allclose(detector.score(abnormal(4)) ** 2 / 2, angles, rtol=1e-3)


def test_a_training_image_is_at_no_distance_from_itself() -> None:
    images = normal(6)
    detector = built("knn", k=1)
    history = detector.fit(images, np.arange(6), np.arange(0), 0)
    assert history.rows["loss"].tolist() == [0.0]
    assert not detector.score(images).any()


def test_only_training_rows_are_known() -> None:
    images = np.concatenate([normal(3), abnormal(3)])
    detector = built("knn", k=1)
    detector.fit(images, np.arange(3), np.arange(3, 6), 0)
    assert (detector.score(images) > 0).tolist() == [False] * 3 + [True] * 3


def test_one_normal_is_enough_for_one_neighbour_and_too_few_are_one_sentence() -> None:
    assert (fitted("knn", normal(1), k=1).score(abnormal(2)) > 0).all()
    with pytest.raises(PipelineError, match=r"detectors\.knn\.k is 4, but there are 3 training normals: lower it"):
        fitted("knn", normal(3), k=4)
