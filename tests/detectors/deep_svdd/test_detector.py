from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from pipeline.compute import saved_state
from pipeline.compute.device import Workplace
from pipeline.compute.saved_state import SavedState
from pipeline.data.images import Images
from pipeline.detectors.base import History
from pipeline.detectors.deep_svdd.detector import DeepSvdd
from pipeline.detectors.deep_svdd.settings import DeepSvddSettings
from pipeline.errors import PipelineError

NONE = np.arange(0)
TINY = DeepSvddSettings(
    side=16,
    channels=(4, 8),
    latent_dim=16,
    pretraining_epochs=4,
    pretraining_milestones=(2,),
    epochs=6,
    milestones=(3,),
    batch_size=4,
    learning_rate=1e-3,
    report_every=2,
)
SOFT = TINY.model_copy(update={"objective": "soft_boundary", "warm_up_epochs": 1})


def build(settings: DeepSvddSettings = TINY, place: Workplace | None = None) -> DeepSvdd:
    return DeepSvdd(settings, 1, place or Workplace(), {"made": "in a test"})


def fit(detector: DeepSvdd, images: Images, seed: int = 0, scratch: Path | None = None) -> History:
    return detector.fit(images.pixels, images.rows("train"), images.rows("val"), seed, scratch)


def changed(**changes: Any) -> DeepSvddSettings:
    return TINY.model_copy(update=changes)


@pytest.mark.parametrize("settings", [TINY, SOFT])
def test_it_separates_boards_from_ramps(settings: DeepSvddSettings, tiny_images: Images) -> None:
    detector = build(settings.model_copy(update={"pretraining_epochs": 20, "epochs": 20, "milestones": ()}))
    fit(detector, tiny_images)
    test = tiny_images.index["split"] == "test"
    scores = detector.score(tiny_images.pixels[test])
    assert roc_auc_score(tiny_images.index["label"][test], scores) > 0.9


def test_it_knows_no_difference_where_there_is_none() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (232, 16, 16, 1), np.uint8)
    detector = build()
    detector.fit(noise, np.arange(32), NONE, seed=0)
    scores, label = detector.score(noise[32:]), np.arange(200) % 2
    error = np.sqrt(201 / (12 * 100 * 100))  # of an area under a curve of 100 and 100 that are alike
    assert abs(roc_auc_score(label, scores) - 0.5) < 3 * error


def test_its_history_counts_through_both_trainings(tiny_images: Images) -> None:
    history = fit(build(), tiny_images)
    assert history.iterations == 4 * 8 / 4 + 6 * 8 / 4
    assert history.rows["iteration"].tolist() == list(range(2, 21, 2))
    assert history.rows["phase"].tolist() == ["pretraining"] * 4 + ["training"] * 6
    assert set(history.rows["resolution"]) == {16}
    assert np.isfinite(history.rows[["loss", "held_out_loss"]]).all(axis=None)
    without = build().fit(tiny_images.pixels, np.arange(8), NONE, seed=0)
    assert "held_out_loss" not in without.rows


def test_a_score_depends_on_no_other_image_of_the_call(tiny_images: Images) -> None:
    detector = build()
    fit(detector, tiny_images)
    alone = [detector.score(tiny_images.pixels[row : row + 1])[0] for row in range(24)]
    np.testing.assert_allclose(detector.score(tiny_images.pixels), alone, rtol=1e-5)
    assert detector.score(tiny_images.pixels[:0]).shape == (0,)


def test_a_loaded_detector_scores_as_the_saved_one_and_a_damaged_file_is_named(
    tmp_path: Path, tiny_images: Images
) -> None:
    path, again = tmp_path / "model.pt", tmp_path / "again.pt"
    detector = build()
    fit(detector, tiny_images)
    detector.save(path)
    loaded = DeepSvdd.load(path, DeepSvddSettings(), Workplace())
    np.testing.assert_array_equal(loaded.score(tiny_images.pixels), detector.score(tiny_images.pixels))
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(PipelineError, match="is not a whole model"):
        DeepSvdd.load(path, DeepSvddSettings(), Workplace())


def test_two_fits_of_one_seed_are_the_same_bytes_wherever_images_lie(tmp_path: Path, tiny_images: Images) -> None:
    for name, seed, room in (("one", 0, 2**30), ("same", 0, 0), ("other", 1, 2**30)):
        detector = build(place=Workplace(room=room))
        fit(detector, tiny_images, seed)
        detector.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "same").read_bytes() != (tmp_path / "other").read_bytes()


class Killed(BaseException):
    """Stands for a kill that nothing in the program can catch."""


def test_a_training_killed_at_any_step_of_either_phase_goes_on_to_the_same_bytes(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build(SOFT)
    expected = fit(whole, tiny_images)
    whole.save(tmp_path / "whole.pt")
    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    write, kills = SavedState.write, 0

    def killing(self: SavedState, state: dict[str, Any]) -> None:
        write(self, state)
        raise Killed

    monkeypatch.setattr(SavedState, "write", killing)
    while True:
        detector = build(SOFT)
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
    with pytest.raises(PipelineError, match=r"^the loss is .* lower detectors\.deep_svdd\.learning_rate$"):
        fit(build(changed(learning_rate=1e30, pretraining_milestones=())), tiny_images)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"channels": []}, "channels"),
        ({"channels": [4, 4, 4, 4, 4]}, "channels has 5 widths, but 16 px cannot be halved so often"),
        ({"latent_dim": 8}, "latent_dim 8 is not a multiple of the last map's 4×4 pixels"),
        ({"milestones": [6]}, "milestones holds 6, which is not within the 6 epochs"),
        ({"pretraining_milestones": [4]}, "pretraining_milestones holds 4, which is not within the 4 epochs"),
        ({"objective": "soft_boundary"}, "warm_up_epochs is 10, which is not within the 6 epochs"),
        ({"objective": "hard"}, "objective"),
        ({"nu": 0.0}, "nu"),
        ({"batch_size": 1}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"colour": 1}, "colour"),
    ],
)
def test_settings_that_cannot_be_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        DeepSvddSettings.read({**TINY.model_dump(), **change})


@pytest.mark.parametrize(
    ("shape", "change", "words"),
    [
        ((8, 12, 12, 1), {}, r"images of 12×12 px are smaller than detectors\.deep_svdd\.side, 16"),
        ((8, 16, 16, 3), {}, "images of 3 channels do not fit the network, which takes 1"),
        ((8, 16, 20, 1), {"side": None}, r"images of 16×20 px are not square: set detectors\.deep_svdd\.side"),
        ((8, 18, 18, 1), {"side": None}, r"detectors\.deep_svdd\.channels has 2 widths, but 18 px cannot be halved"),
        ((8, 16, 16, 1), {}, "is of one grey level"),
    ],
)
def test_images_that_do_not_fit_are_refused(shape: tuple[int, ...], change: dict[str, Any], words: str) -> None:
    with pytest.raises(PipelineError, match=words):
        build(changed(**change)).fit(np.zeros(shape, np.uint8), np.arange(8), NONE, seed=0)


def test_whole_images_are_scored_at_the_size_of_the_training(tiny_images: Images) -> None:
    detector = build(changed(side=None))
    fit(detector, tiny_images)
    assert DeepSvddSettings(side=64).resolution == 64
    assert detector.score(tiny_images.pixels).shape == (24,)
    with pytest.raises(PipelineError, match="images of 20 px do not fit the network, which was trained on 16 px"):
        detector.score(np.zeros((1, 20, 20, 1), np.uint8))
