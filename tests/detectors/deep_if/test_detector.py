import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from pipeline.compute.seeding import derived_seed
from pipeline.errors import PipelineError
from tests.detectors.seen import abnormal, built, fitted, normal

pytestmark = pytest.mark.usefixtures("networks_read_once")


def test_a_score_is_scikit_learns_on_pooled_features() -> None:
    detector = fitted("deep_if", normal(30), seed=5, trees=20, samples=16)
    known, asked = detector.seen.pooled(normal(30)), detector.seen.pooled(abnormal(4))
    draws = derived_seed(5, "deep_if", "forest") % 2**32
    forest = IsolationForest(n_estimators=20, max_samples=16, random_state=draws).fit(known)
    np.testing.assert_allclose(detector.score(abnormal(4)), -forest.score_samples(asked), rtol=0, atol=1e-12)


def test_the_history_is_the_mean_score_of_the_training_images() -> None:
    images = np.concatenate([normal(8), abnormal(2)])
    detector = built("deep_if", trees=10)
    history = detector.fit(images, np.arange(8), np.arange(8, 10), 0)
    assert history.rows["loss"].tolist() == [pytest.approx(detector.score(images[:8]).mean(), abs=1e-6)]


def test_two_normals_are_enough_and_one_is_one_sentence() -> None:
    assert np.isfinite(fitted("deep_if", normal(2)).score(abnormal(2))).all()
    with pytest.raises(PipelineError, match="a forest needs 2 training normals or more, and there is 1"):
        fitted("deep_if", normal(1))
