import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.detectors.patchcore.descriptors import describe
from pipeline.errors import PipelineError
from tests.detectors.seen import abnormal, built, fitted, normal

pytestmark = pytest.mark.usefixtures("networks_read_once")

SMALL = {"layers": ["expand2", "expand4"], "dimension": 24}
POSITIONS = 8 * 8  # of expand2's map of 32 px


def patches(images: np.ndarray) -> np.ndarray:
    (layers,) = built("patchcore", **SMALL).seen.maps(images)
    return describe(layers, 24).numpy().astype(np.float64)


def distances_to(bank: np.ndarray, described: np.ndarray) -> np.ndarray:
    return np.linalg.norm(described[:, :, None] - bank, axis=3)


def test_the_official_score_is_the_largest_distance_of_a_patch_to_the_bank() -> None:
    detector = fitted("patchcore", normal(6), **SMALL)
    expected = distances_to(detector.bank, patches(abnormal(3))).min(2).max(1)
    np.testing.assert_allclose(detector.score(abnormal(3)), expected, rtol=1e-5)


def test_the_reweighted_score_is_equation_7_of_the_paper() -> None:
    detector = fitted("patchcore", normal(6), rule="reweighted", neighbours=4, **SMALL)
    bank, expected = detector.bank.astype(np.float64), []
    for image in patches(abnormal(3)):
        distances = np.linalg.norm(image[:, None] - bank, axis=2)
        worst = distances.min(1).argmax()
        nearest = distances[worst].argmin()
        around = np.argsort(np.linalg.norm(bank - bank[nearest], axis=1))[:4]
        weight = 1 - np.exp(distances[worst, nearest]) / np.exp(distances[worst, around]).sum()
        expected.append(weight * distances[worst, nearest])
    np.testing.assert_allclose(detector.score(abnormal(3)), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"coreset": 1.0}, 6 * POSITIONS),
        ({"coreset": 0.1}, 39),  # 38.4
        ({"coreset": 1e-9}, 1),
        ({"coreset": 0.1, "bank": 30}, 30),
        ({"coreset": 0.5, "candidates": 100, "bank": 100}, 100),
    ],
)
def test_the_bank_holds_a_share_of_the_patches_up_to_its_caps(changes: dict[str, float], size: int) -> None:
    bank = fitted("patchcore", normal(6), **SMALL | changes).bank
    assert bank.shape == (size, 24)
    assert len(np.unique(bank, axis=0)) == size


def test_a_whole_bank_is_at_no_distance_from_its_own_images() -> None:
    detector = built("patchcore", coreset=1.0, **SMALL)
    history = detector.fit(normal(6), np.arange(6), np.arange(0), 0)
    assert history.rows["loss"].tolist() == [0.0]
    assert detector.score(normal(6)).max() < 1e-4
    assert (detector.score(abnormal(3)) > 0.1).all()


def test_batches_change_no_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted("patchcore", normal(6), candidates=100, bank=100, coreset=1.0, **SMALL).bank
    monkeypatch.setattr("pipeline.features.frozen.SCORING_BATCH", 4)
    parts = fitted("patchcore", normal(6), candidates=100, bank=100, coreset=1.0, **SMALL).bank
    np.testing.assert_allclose(np.sort(parts, 0), np.sort(whole, 0), rtol=1e-4, atol=1e-5)


def test_one_image_is_enough() -> None:
    assert (fitted("patchcore", normal(1), **SMALL).score(abnormal(2)) > 0).all()


def test_a_bank_of_fewer_patches_than_neighbours_is_one_sentence() -> None:
    with pytest.raises(PipelineError, match=r"patchcore\.neighbours is 9, but the bank holds 5 patches: lower it, or"):
        fitted("patchcore", normal(6), rule="reweighted", bank=5, **SMALL)


def test_a_bank_is_not_larger_than_what_it_is_chosen_from() -> None:
    with pytest.raises(ValidationError, match="bank: 200 patches cannot be chosen from 100 candidates"):
        built("patchcore", bank=200, candidates=100)
