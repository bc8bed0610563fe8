import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from pipeline.errors import PipelineError
from tests.detectors.seen import abnormal, built, fitted, normal

pytestmark = pytest.mark.usefixtures("networks_read_once")


@pytest.mark.parametrize("normalize", [True, False])
def test_a_score_is_the_squared_distance_by_ledoit_and_wolfs_covariance(normalize: bool) -> None:
    detector = fitted("mahalanobis", normal(20), layers=["expand1"], normalize=normalize)
    known, asked = (detector.seen.pooled(images).astype(np.float64) for images in (normal(20), abnormal(4)))
    if normalize:
        known, asked = (features / np.linalg.norm(features, axis=1, keepdims=True) for features in (known, asked))
    covariance, shrinkage = ledoit_wolf(known)
    assert 0 < shrinkage < 1
    difference = asked - known.mean(0)
    expected = np.einsum("nc,cd,nd->n", difference, np.linalg.inv(covariance), difference)
    np.testing.assert_allclose(detector.score(abnormal(4)), expected, rtol=1e-3)


def test_the_history_is_the_mean_over_the_training_images() -> None:
    images = np.concatenate([normal(8), abnormal(2)])
    detector = built("mahalanobis")
    history = detector.fit(images, np.arange(8), np.arange(8, 10), 0)
    assert history.rows["loss"].tolist() == [pytest.approx(detector.score(images[:8]).mean(), abs=1e-6)]


def test_two_normals_are_enough_and_one_is_one_sentence() -> None:
    assert np.isfinite(fitted("mahalanobis", normal(2)).score(abnormal(2))).all()
    with pytest.raises(PipelineError, match="a covariance needs 2 training normals or more, and there is 1"):
        fitted("mahalanobis", normal(1))
