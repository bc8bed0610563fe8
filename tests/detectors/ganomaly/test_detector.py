from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from pipeline.compute import saved_state
from pipeline.compute.device import Workplace
from pipeline.compute.saved_state import SavedState
from pipeline.data.images import Images
from pipeline.detectors.base import History
from pipeline.detectors.ganomaly import learner
from pipeline.detectors.ganomaly.detector import Ganomaly
from pipeline.detectors.ganomaly.settings import GanomalySettings
from pipeline.errors import PipelineError
from pipeline.features.views import to_network, to_pixels

NONE = np.arange(0)
TINY = GanomalySettings(side=16, width=4, latent_dim=6, epochs=6, batch_size=4, learning_rate=2e-3, report_every=2)


def build(settings: GanomalySettings = TINY, place: Workplace | None = None) -> Ganomaly:
    return Ganomaly(settings, 1, place or Workplace(), {"made": "in a test"})


def fit(detector: Ganomaly, images: Images, seed: int = 0, scratch: Path | None = None) -> History:
    return detector.fit(images.pixels, images.rows("train"), images.rows("val"), seed, scratch)


def changed(**changes: Any) -> GanomalySettings:
    return TINY.model_copy(update=changes)


def test_it_separates_ramps_that_fall_from_those_that_rise() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (96, 16, 16))
    ramps = np.clip(np.linspace(0, 255, 16) + noise, 0, 255).astype(np.uint8)[..., None]
    detector = build(changed(width=8, epochs=10, batch_size=8))
    detector.fit(ramps, np.arange(64), NONE, seed=0)
    normal, abnormal = detector.score(ramps[64:]), detector.score(ramps[64:, :, ::-1])
    assert roc_auc_score([0] * 32 + [1] * 32, [*normal, *abnormal]) > 0.9


def test_it_knows_no_difference_where_there_is_none() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (232, 16, 16, 1), np.uint8)
    detector = build(changed(epochs=2))
    detector.fit(noise, np.arange(32), NONE, seed=0)
    scores, label = detector.score(noise[32:]), np.arange(200) % 2
    error = np.sqrt(201 / (12 * 100 * 100))  # of an area under a curve of 100 and 100 that are alike
    assert abs(roc_auc_score(label, scores) - 0.5) < 3 * error


def test_its_history_counts_the_iterations_of_all_epochs(tiny_images: Images) -> None:
    history = fit(build(), tiny_images)
    assert history.iterations == 6 * 8 / 4
    assert history.rows["iteration"].tolist() == [2, 4, 6, 8, 10, 12]
    assert np.isfinite(history.rows[["loss", "held_out_loss"]]).all(axis=None)
    without = build().fit(tiny_images.pixels, np.arange(8), NONE, seed=0)
    assert "held_out_loss" not in without.rows


def test_a_score_depends_on_no_other_image_of_the_call(tiny_images: Images) -> None:
    detector = build()
    fit(detector, tiny_images)
    alone = [detector.score(tiny_images.pixels[row : row + 1])[0] for row in range(24)]
    np.testing.assert_allclose(detector.score(tiny_images.pixels), alone, rtol=1e-5)
    assert detector.score(tiny_images.pixels[:0]).shape == (0,)


def test_reconstructions_are_pictures_of_the_square(tiny_images: Images) -> None:
    detector = build()
    fit(detector, tiny_images)
    with torch.no_grad():
        expected, *_ = detector.generator(to_network(torch.from_numpy(tiny_images.pixels)))
    np.testing.assert_array_equal(detector.reconstructions(tiny_images.pixels), to_pixels(expected))


def test_a_loaded_detector_scores_as_the_saved_one_and_a_damaged_file_is_named(
    tmp_path: Path, tiny_images: Images
) -> None:
    path, again = tmp_path / "model.pt", tmp_path / "again.pt"
    detector = build()
    fit(detector, tiny_images)
    detector.save(path)
    loaded = Ganomaly.load(path, GanomalySettings(), Workplace())
    np.testing.assert_array_equal(loaded.score(tiny_images.pixels), detector.score(tiny_images.pixels))
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(PipelineError, match="is not a whole model"):
        Ganomaly.load(path, GanomalySettings(), Workplace())


def test_two_fits_of_one_seed_are_the_same_bytes_wherever_images_lie(tmp_path: Path, tiny_images: Images) -> None:
    for name, seed, room in (("one", 0, 2**30), ("same", 0, 0), ("other", 1, 2**30)):
        detector = build(place=Workplace(room=room))
        fit(detector, tiny_images, seed)
        detector.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "same").read_bytes() != (tmp_path / "other").read_bytes()


class Killed(BaseException):
    """Stands for a kill that nothing in the program can catch."""


@pytest.mark.parametrize("sure", [learner.SURE, 100.0])
def test_a_training_killed_at_any_step_goes_on_to_the_same_bytes(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch, sure: float
) -> None:
    monkeypatch.setattr(learner, "SURE", sure)  # 100: the discriminator begins anew at every step
    whole = build()
    expected = fit(whole, tiny_images)
    whole.save(tmp_path / "whole.pt")
    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    write, kills = SavedState.write, 0

    def killing(self: SavedState, state: dict[str, Any]) -> None:
        write(self, state)
        raise Killed

    monkeypatch.setattr(SavedState, "write", killing)
    while True:
        detector = build()
        try:
            found = fit(detector, tiny_images, scratch=tmp_path / "scratch")
            break
        except Killed:
            kills += 1
    detector.save(tmp_path / "resumed.pt")
    assert kills == expected.iterations
    pd.testing.assert_frame_equal(found.rows, expected.rows)
    assert (tmp_path / "resumed.pt").read_bytes() == (tmp_path / "whole.pt").read_bytes()


def test_a_loss_that_is_not_finite_names_the_learning_rate(tiny_images: Images) -> None:
    with pytest.raises(PipelineError, match=r"^the loss is .* lower detectors\.ganomaly\.learning_rate$"):
        fit(build(changed(learning_rate=1e30)), tiny_images)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side": 48}, "side: 48 px is not a power of two from 8 on"),
        ({"side": 4}, "side: 4 px is not a power of two from 8 on"),
        ({"width": 0}, "width"),
        ({"latent_weight": -1.0}, "latent_weight"),
        ({"beta1": 1.0}, "beta1"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"colour": 1}, "colour"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GanomalySettings.read({**TINY.model_dump(), **change})


@pytest.mark.parametrize(
    ("shape", "change", "words"),
    [
        ((8, 12, 12, 1), {}, r"images of 12×12 px are smaller than detectors\.ganomaly\.side, 16"),
        ((8, 16, 16, 3), {}, "images of 3 channels do not fit the network, which takes 1"),
        ((8, 16, 20, 1), {"side": None}, r"images of 16×20 px are not square: set detectors\.ganomaly\.side"),
        ((8, 18, 18, 1), {"side": None}, r"detectors\.ganomaly\.side: 18 px is not a power of two"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...], change: dict[str, Any], words: str) -> None:
    with pytest.raises(PipelineError, match=words):
        build(changed(**change)).fit(np.zeros(shape, np.uint8), np.arange(8), NONE, seed=0)


def test_whole_images_are_scored_at_the_size_of_the_training(tiny_images: Images) -> None:
    detector = build(changed(side=None))
    fit(detector, tiny_images)
    assert GanomalySettings(side=64).resolution == 64
    assert detector.score(tiny_images.pixels).shape == (24,)
    with pytest.raises(PipelineError, match="images of 20 px do not fit the network, which was trained on 16 px"):
        detector.score(np.zeros((1, 20, 20, 1), np.uint8))
