import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pipeline.compute import saved_state
from pipeline.compute.device import Workplace
from pipeline.detectors.deep_geo.classifier import Classifier
from pipeline.detectors.deep_geo.detector import DeepGeo
from pipeline.detectors.deep_geo.dirichlet import most_likely, normality
from pipeline.detectors.deep_geo.settings import DeepGeoSettings
from pipeline.detectors.deep_geo.wide_resnet import WideResNet
from pipeline.errors import PipelineError
from tests.detectors.deep_geo.test_transformations import by_scipy

TINY = {"shift": 8, "depth": 10, "width": 1, "batch_size": 32, "report_every": 5, "epochs": 1}
NONE = np.arange(0)


def images(count: int, seed: int, bright: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Noisy ramps of 32 px that grow brighter to one corner; others to another one, or nowhere."""
    down, right = bright
    y, x = np.indices((32, 32)) / 31
    ramp = 255 * (down * y + right * x) / (down + right)
    noisy = ramp + np.random.default_rng(seed).normal(0, 20, (count, 32, 32))
    return noisy.clip(0, 255).astype(np.uint8)[..., None]


def detector(**changes: Any) -> DeepGeo:
    return DeepGeo(DeepGeoSettings(**(TINY | changes)), 1, Workplace(), {"made": "in a test"})


def fit(made: DeepGeo, seed: int = 0, scratch: Path | None = None, count: int = 4) -> DeepGeo:
    made.fit(NORMALS, np.arange(count), NONE, seed, scratch)
    return made


NORMALS = images(4, seed=0)


@pytest.fixture(scope="module")
def fitted() -> DeepGeo:
    return fit(detector(epochs=3))


def test_what_is_bright_elsewhere_is_more_abnormal(fitted: DeepGeo) -> None:
    scores = fitted.score(np.concatenate([images(8, seed=1), images(8, seed=2, bright=(1.0, 0.0))]))
    assert scores.dtype == np.float64
    assert roc_auc_score([0] * 8 + [1] * 8, scores) > 0.9


def test_images_of_one_kind_are_not_told_apart(fitted: DeepGeo) -> None:
    count = 15
    scores = fitted.score(images(2 * count, seed=3))
    error = np.sqrt((2 * count + 1) / (12 * count**2))  # of the area where both are drawn alike
    assert abs(roc_auc_score([0] * count + [1] * count, scores) - 0.5) < 3 * error


def answers(network: WideResNet, image: np.ndarray) -> np.ndarray:
    """Softmax over the transformations of an image (32, 32, 1), float64 (72, 72)."""
    seen = torch.from_numpy(np.stack(by_scipy(image[..., 0], 8))[:, None] / 127.5 - 1).float()
    with torch.no_grad():
        return network(seen).double().softmax(1).numpy()


def test_each_transformation_has_the_distribution_of_the_training_images_answers(fitted: DeepGeo) -> None:
    logs = np.log([answers(fitted.network, image) for image in NORMALS])
    for transformation in (0, 17, 71):
        expected = most_likely(logs[:, transformation].mean(0))
        np.testing.assert_allclose(fitted.alpha[transformation], expected, rtol=1e-3)


def test_a_score_is_the_mean_of_its_transformations_abnormality(fitted: DeepGeo) -> None:
    image = images(1, seed=4)
    expected = -normality(fitted.alpha, answers(fitted.network, image[0])).mean()
    assert fitted.score(image)[0] == pytest.approx(expected, rel=1e-4)


def test_a_score_does_not_depend_on_the_other_images(fitted: DeepGeo) -> None:
    several = images(5, seed=5)
    np.testing.assert_array_equal(fitted.score(several)[3:4], fitted.score(several[3:4]))
    assert fitted.score(several[:0]).shape == (0,)


def test_no_more_than_a_batch_is_transformed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    forward, seen = WideResNet.forward, []

    def counted(network: WideResNet, x: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return forward(network, x)

    monkeypatch.setattr(WideResNet, "forward", counted)
    made = detector()
    history = made.fit(NORMALS, np.arange(3), np.arange(3, 4), 0)
    # 3 · 72 images in batches of 32, a held-out one at each of two reports, and once more every training image
    assert seen == [32] * 5 + [1] + [32] * 2 + [1] + [72] * 3
    assert history.iterations == 7
    assert history.rows["iteration"].tolist() == [5, 7]
    assert np.isfinite(history.rows[["loss", "held_out_loss"]].to_numpy()).all()


def test_the_middle_of_larger_images_is_scored() -> None:
    framed = np.full((4, 40, 50, 1), 77, np.uint8)
    framed[:, 4:36, 9:41] = NORMALS
    made, whole = detector(side=32), fit(detector(), count=1)
    made.fit(framed, np.arange(1), NONE, 0)
    np.testing.assert_array_equal(made.score(framed), whole.score(NORMALS))


def test_a_loaded_detector_scores_and_saves_as_the_saved_one(fitted: DeepGeo, tmp_path: Path) -> None:
    fitted.save(tmp_path / "model.pt")
    loaded = DeepGeo.load(tmp_path / "model.pt", DeepGeoSettings(), Workplace())
    others = images(3, seed=6)
    np.testing.assert_array_equal(loaded.score(others), fitted.score(others))
    loaded.save(tmp_path / "again.pt")
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "model.pt").read_bytes()


def test_a_damaged_file_is_named(fitted: DeepGeo, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    fitted.save(path)
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(PipelineError, match="is not a whole model"):
        DeepGeo.load(path, DeepGeoSettings(), Workplace())


def saved(made: DeepGeo, folder: Path) -> bytes:
    made.save(folder / "model.pt")
    return (folder / "model.pt").read_bytes()


def test_fits_of_one_seed_have_the_same_bytes_also_after_an_interruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = saved(fit(detector(), count=2), tmp_path)
    assert saved(fit(detector(), seed=1, count=2), tmp_path) != at_once
    step: Callable[..., torch.Tensor] = Classifier.step

    def killed(learner: Classifier, numbers: torch.Tensor, iteration: int) -> torch.Tensor:
        if iteration == 3:
            raise KeyboardInterrupt
        return step(learner, numbers, iteration)

    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    monkeypatch.setattr(Classifier, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        fit(detector(), scratch=tmp_path / "scratch", count=2)
    began: list[int] = []

    def noted(learner: Classifier, numbers: torch.Tensor, iteration: int) -> torch.Tensor:
        began.append(iteration)
        return step(learner, numbers, iteration)

    monkeypatch.setattr(Classifier, "step", noted)
    assert saved(fit(detector(), scratch=tmp_path / "scratch", count=2), tmp_path) == at_once
    assert began == [3, 4]


def test_a_loss_that_is_no_number_names_the_learning_rate() -> None:
    with pytest.raises(PipelineError, match=r"the loss is nan after .* lower detectors\.deep_geo\.learning_rate"):
        fit(detector(learning_rate=1e30))
    with pytest.raises(PipelineError, match=r"answers with no numbers: lower detectors\.deep_geo\.learning_rate"):
        fit(detector(learning_rate=1e30, batch_size=4 * 72))  # after its only step


@pytest.mark.parametrize(
    ("shape", "changes", "sentence"),
    [
        ((4, 32, 40, 1), {}, "images of 32×40 px are not square: set detectors.deep_geo.side"),
        ((4, 48, 48, 1), {}, "detectors.deep_geo.side: the network sees squares whose side is a multiple of 32 px"),
        ((4, 32, 32, 1), {"shift": 32}, "detectors.deep_geo.shift: 32 px shift an image of 32 px out of itself"),
        ((4, 32, 40, 1), {"side": 64}, "images of 32×40 px are smaller than detectors.deep_geo.side, 64"),
        ((4, 32, 32, 3), {}, "images of 3 channels do not fit the network, which takes 1"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...], changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PipelineError, match=re.escape(sentence)):
        detector(**changes).fit(np.zeros(shape, np.uint8), np.arange(4), NONE, 0)


def test_other_images_than_those_it_was_fitted_to_are_not_scored(fitted: DeepGeo) -> None:
    with pytest.raises(PipelineError, match="images of 64 px do not fit the network, which was trained on 32 px"):
        fitted.score(np.zeros((1, 64, 64, 1), np.uint8))
