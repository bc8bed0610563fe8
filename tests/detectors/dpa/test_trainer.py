from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.compute import saved_state
from pipeline.compute.device import Workplace
from pipeline.compute.saved_state import SavedState
from pipeline.data.images import Images
from pipeline.detectors.base import History
from pipeline.detectors.dpa import trainer
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.growth import shown_at
from pipeline.detectors.dpa.settings import DpaSettings, EarlyStopping
from pipeline.detectors.dpa.targets import KnownTargets, PhaseTargets, phase_targets
from pipeline.detectors.dpa.trainer import Trainer
from pipeline.errors import PipelineError
from pipeline.features.views import to_network
from tests.detectors.conftest import Build, with_loss, with_schedule

NONE = np.arange(0)


def fit(detector: DeepPerceptualAutoencoder, images: Images, held_out: bool = True, **options: Any) -> History:
    return detector.fit(images.pixels, images.rows("train"), images.rows("val") if held_out else NONE, 0, **options)


def all_losses(settings: DpaSettings) -> DpaSettings:
    """The settings with everything that a state has to hold: flips, critic, early stopping, growth."""
    changes = {"flips": True, "report_every": 2, "early_stopping": EarlyStopping(patience=2, least_improvement=0.0)}
    return with_loss(settings.model_copy(update=changes), l1=0.1, adversarial=0.1)


def test_training_lowers_the_loss(at_16: DpaSettings, tiny_images: Images, build: Build) -> None:
    step = at_16.schedule[16].model_copy(update={"stable": 40})
    history = fit(build(with_schedule(at_16, {16: step})), tiny_images).rows
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    assert history["held_out_loss"].iloc[-1] < history["held_out_loss"].iloc[0]


def test_the_history_covers_every_phase(tiny_train: DpaSettings, tiny_images: Images, build: Build) -> None:
    history = fit(build(tiny_train), tiny_images, held_out=False).rows
    assert history["iteration"].tolist() == [5, 6, 10, 15, 20, 25, 30, 35, 40]
    assert history["phase"].tolist() == ["stable"] * 2 + ["transition"] + ["stable"] * 6
    assert history["resolution"].tolist() == [8, 8] + [16] * 7
    assert history["held_out_loss"].isna().all()


def test_pictures_show_inputs_and_reconstructions_of_every_phase(
    brief: DpaSettings, tiny_images: Images, build: Build
) -> None:
    detector = build(brief)
    pictures = fit(detector, tiny_images).pictures
    assert [caption.split(":")[0] for caption in list(pictures)[::2]] == [
        "8 px stable",
        "16 px transition",
        "16 px stable",
    ]
    shown, reconstructed = list(pictures.values())[-2:]
    held_out = tiny_images.pixels[tiny_images.rows("val")]
    np.testing.assert_array_equal(np.stack(shown), held_out)
    with torch.no_grad():
        expected = detector.network(to_network(torch.from_numpy(held_out))).clamp(-1, 1)
    found = to_network(torch.from_numpy(np.stack(reconstructed)))
    torch.testing.assert_close(found, expected, atol=1 / 255, rtol=0)


def test_held_out_images_change_nothing_but_the_history(brief: DpaSettings, tiny_images: Images, build: Build) -> None:
    with_them, without = build(brief), build(brief)
    fit(with_them, tiny_images)
    fit(without, tiny_images, held_out=False)
    np.testing.assert_array_equal(with_them.score(tiny_images.pixels), without.score(tiny_images.pixels))


def test_a_transition_fades_network_images_and_loss_in_training_and_on_held_out_images(
    brief: DpaSettings, tiny_images: Images, build: Build
) -> None:
    still = brief.model_copy(update={"learning_rate": 1e-30, "report_every": 1})  # the network stays as it was
    detector, rows = build(still), tiny_images.rows("train")
    history = detector.fit(tiny_images.pixels, rows, rows, seed=0).rows
    transition = history[history["phase"] == "transition"]
    assert transition["alpha"].tolist() == [0.25, 0.5, 0.75, 1.0]
    images = to_network(torch.from_numpy(tiny_images.pixels[rows]))
    for row in transition.to_dict("records"):
        alpha = torch.tensor(row["alpha"])
        x = shown_at(images, 16, alpha)
        with torch.no_grad():
            expected = detector.loss(x, detector.network(x, alpha), alpha).mean().item()
        assert row["loss"] == pytest.approx(expected, rel=1e-5)
        assert row["held_out_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_report_is_the_mean_over_its_steps_each_with_its_own_alpha(
    brief: DpaSettings, tiny_images: Images, build: Build
) -> None:
    still = brief.model_copy(update={"learning_rate": 1e-30})
    one_by_one, in_pairs = (
        fit(build(still.model_copy(update={"report_every": every})), tiny_images).rows for every in (1, 2)
    )
    losses, means = (rows.loc[rows["phase"] == "transition", "loss"].to_numpy() for rows in (one_by_one, in_pairs))
    np.testing.assert_allclose(means, losses.reshape(2, 2).mean(1), rtol=1e-5)


def test_the_first_step_is_one_of_adam(at_16: DpaSettings, tiny_images: Images, build: Build) -> None:
    detector = build(with_schedule(at_16, {16: at_16.schedule[16].model_copy(update={"stable": 1})}))
    before = detector.network.get_parameter("decoder.first.1.weight").clone()
    fit(detector, tiny_images)
    moved = (detector.network.get_parameter("decoder.first.1.weight") - before).abs()
    assert moved.median().item() == pytest.approx(at_16.learning_rate, rel=1e-3)


def test_a_set_smaller_than_a_batch_and_a_single_image_can_be_trained_on(
    brief: DpaSettings, tiny_images: Images, build: Build
) -> None:
    for count in (1, 3):
        history = build(brief).fit(tiny_images.pixels, np.arange(count), NONE, seed=0).rows
        assert np.isfinite(history["loss"]).all()


def test_images_of_one_colour_each_can_be_trained_on(brief: DpaSettings, tiny_images: Images, build: Build) -> None:
    flat = np.broadcast_to(np.arange(24, dtype=np.uint8)[:, None, None, None] * 10, (24, 16, 16, 1)).copy()
    images = Images(flat, tiny_images.index, {})
    detector = build(brief, images)
    assert np.isfinite(fit(detector, images).rows["loss"]).all()
    assert np.isfinite(detector.score(flat)).all()


def test_growth_can_be_left_out(tiny_train: DpaSettings, tiny_images: Images, build: Build) -> None:
    history = fit(build(tiny_train.model_copy(update={"grow": False})), tiny_images).rows
    assert set(history["resolution"]) == {16}
    assert set(history["phase"]) == {"stable"}
    assert history["iteration"].iloc[-1] == 30


def test_flips_and_crops_are_new_in_every_epoch(
    at_16: DpaSettings, tiny_images: Images, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    of = KnownTargets.of

    def recorded(self: KnownTargets, images: torch.Tensor, numbers: torch.Tensor) -> Any:
        order = numbers.argsort()
        shown.append(images[order])
        return of(self, images, numbers)

    monkeypatch.setattr(KnownTargets, "of", recorded)
    step = at_16.schedule[16].model_copy(update={"stable": 3})
    for flips in (True, False):
        shown.clear()
        fit(build(with_schedule(at_16.model_copy(update={"flips": flips}), {16: step})), tiny_images)
        assert torch.equal(shown[0], shown[1]) != flips  # eight images, batches of eight: each is an epoch
        assert torch.equal(shown[1], shown[2]) != flips


def test_images_from_a_file_train_the_same_network_as_images_on_the_device(
    brief: DpaSettings, tiny_images: Images, build: Build, tmp_path: Path
) -> None:
    np.save(tmp_path / "images.npy", tiny_images.pixels)
    mapped = Images(np.load(tmp_path / "images.npy", mmap_mode="r"), tiny_images.index, {})
    scores = []
    for images, room in ((mapped, 0), (tiny_images, 8 * 16 * 16)):  # room for nothing, and for the images alone
        detector = build(brief, images, Workplace(room=room))
        fit(detector, images)
        scores.append(detector.score(tiny_images.pixels))
    np.testing.assert_array_equal(*scores)


def test_kept_targets_give_the_losses_of_computed_ones(at_16: DpaSettings, tiny_images: Images, build: Build) -> None:
    settings = with_schedule(
        at_16.model_copy(update={"report_every": 1}), {16: at_16.schedule[16].model_copy(update={"stable": 5})}
    )
    kept, computed = (fit(build(settings, place=Workplace(room=room)), tiny_images).rows for room in (2**30, 0))
    np.testing.assert_allclose(kept["loss"], computed["loss"], rtol=1e-4)


def kept_in(detector: DeepPerceptualAutoencoder, images: Images, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether targets were kept at full and at half resolution, phase by phase."""
    kept: list[bool] = []

    def recorded(*arguments: Any) -> PhaseTargets:
        both = phase_targets(*arguments)
        kept.extend(targets.kept is not None for targets in both)
        return both

    monkeypatch.setattr(trainer, "phase_targets", recorded)
    fit(detector, images)
    return kept


def test_targets_are_kept_where_images_are_shown_alike_again_and_again_and_fit(
    brief: DpaSettings, tiny_images: Images, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    stable, transition, live = [True, False], [False, True], [False, False]
    for changes, expected in (
        ({}, [*stable, *transition, *stable]),
        ({"flips": True}, live * 3),
        ({"reference_downsampling": True}, [*stable, *live, *stable]),
    ):
        with monkeypatch.context() as patch:
            detector = build(brief.model_copy(update=changes))
            assert kept_in(detector, tiny_images, patch) == expected, changes
    with monkeypatch.context() as patch:
        assert kept_in(build(brief, place=Workplace(room=8 * 16 * 16)), tiny_images, patch) == live * 3
    once = with_schedule(brief, {16: brief.schedule[16].model_copy(update={"transition": 0, "stable": 1})})
    with monkeypatch.context() as patch:
        assert kept_in(build(once), tiny_images, patch) == live


def test_early_stopping_ends_the_last_phase_with_its_best_network(
    tiny_train: DpaSettings, tiny_images: Images, build: Build
) -> None:
    early = EarlyStopping(patience=1, least_improvement=100.0)  # nothing but the first report is an improvement
    detector = build(tiny_train.model_copy(update={"early_stopping": early}))
    history = fit(detector, tiny_images).rows
    assert history["iteration"].tolist() == [5, 6, 10, 15, 20, 25]
    stopped = with_schedule(
        tiny_train, tiny_train.schedule | {16: tiny_train.schedule[16].model_copy(update={"stable": 5})}
    )
    best = build(stopped)
    fit(best, tiny_images)
    np.testing.assert_array_equal(detector.score(tiny_images.pixels), best.score(tiny_images.pixels))


class Killed(BaseException):
    """Stands for a kill that nothing in the program can catch."""


@pytest.mark.parametrize("room", [0, 2**30])
def test_a_training_killed_anywhere_goes_on_to_the_same_bytes(
    tiny_train: DpaSettings,
    tiny_images: Images,
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
) -> None:
    low, high = tiny_train.schedule.values()
    low, high = low.model_copy(update={"stable": 3}), high.model_copy(update={"transition": 3, "stable": 6})
    settings = all_losses(with_schedule(tiny_train, {8: low, 16: high}))
    place = Workplace(room=room)
    whole = build(settings, place=place)
    expected = fit(whole, tiny_images)
    whole.save(tmp_path / "whole.pt")
    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    write, kills = SavedState.write, 0

    def killing(self: SavedState, state: dict[str, Any]) -> None:
        write(self, state)
        raise Killed

    # Every state that is written is the last act of its process, so every step is done by another one.
    monkeypatch.setattr(SavedState, "write", killing)
    while True:
        detector = build(settings, place=place)
        try:
            found = fit(detector, tiny_images, scratch=tmp_path / "scratch")
            break
        except Killed:
            kills += 1
    detector.save(tmp_path / "resumed.pt")
    assert kills == found.rows["iteration"].iloc[-1]
    pd.testing.assert_frame_equal(found.rows, expected.rows)
    assert {k: np.stack(v).tobytes() for k, v in found.pictures.items()} == {
        k: np.stack(v).tobytes() for k, v in expected.pictures.items()
    }
    assert (tmp_path / "resumed.pt").read_bytes() == (tmp_path / "whole.pt").read_bytes()


def test_a_training_whose_state_was_damaged_begins_anew_to_the_same_bytes(
    at_16: DpaSettings,
    tiny_images: Images,
    build: Build,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = build(at_16)
    fit(whole, tiny_images)
    whole.save(tmp_path / "whole.pt")
    with monkeypatch.context() as patched:
        patched.setattr(saved_state, "SECONDS", 0.0)
        patched.setattr(Trainer, "_report", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            fit(build(at_16), tiny_images, scratch=tmp_path / "scratch")
    (state,) = (tmp_path / "scratch").iterdir()
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    again = build(at_16)
    fit(again, tiny_images, scratch=tmp_path / "scratch")
    again.save(tmp_path / "again.pt")
    assert capsys.readouterr().err == f"warning: {state} is damaged: training begins anew\n"
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "whole.pt").read_bytes()


@pytest.mark.parametrize("change", ["settings", "seed", "data", "statistics"])
def test_a_state_of_another_training_is_not_gone_on_from(
    at_16: DpaSettings, tiny_images: Images, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    keys = []
    init = SavedState.__init__
    monkeypatch.setattr(
        SavedState, "__init__", lambda self, folder, key: (keys.append(key), init(self, folder, key))[1]
    )
    rows, published = tiny_images.rows("train"), tmp_path / "published.pt"
    if change == "statistics":
        at_16 = at_16.model_copy(update={"statistics": str(published)})
    once = at_16.schedule[16].model_copy(update={"stable": 1})
    at_16 = with_schedule(at_16, {16: once})
    for changed in (False, False, True):
        torch.save({"expand1": (torch.zeros(96), torch.full((96,), 2.0 if changed else 1.0))}, published)
        settings = at_16.model_copy(update={"learning_rate": 0.1}) if changed and change == "settings" else at_16
        detector = build(settings)
        pixels = tiny_images.pixels.copy()
        if changed and change == "data":
            pixels[0, 0, 0] ^= 1
        detector.fit(pixels, rows, NONE, seed=int(changed and change == "seed"), scratch=tmp_path / "scratch")
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("rate", [1e30, 1e3])
def test_a_diverging_loss_stops_training_and_names_the_phase_and_the_last_good_state(
    at_16: DpaSettings, tiny_images: Images, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    monkeypatch.setattr(saved_state, "SECONDS", 0.0)
    detector = build(at_16.model_copy(update={"learning_rate": rate}))
    with pytest.raises(
        PipelineError,
        match=r"of 5 iterations of the phase 16 px stable: lower .*learning_rate; the last good state is .*\.pt",
    ):
        fit(detector, tiny_images, scratch=tmp_path / "scratch")
    assert len(list((tmp_path / "scratch").iterdir())) == 1


def test_the_critic_learns_twice_a_step_and_its_opinion_reaches_the_network(
    at_16: DpaSettings, tiny_images: Images, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt: list[bool] = []
    step = torch.optim.Adam.step

    def recorded(self: torch.optim.Adam) -> None:
        weight = next(iter(self.param_groups[0]["params"]))
        before = weight.clone()
        step(self)
        learnt.append(not torch.equal(weight, before))

    monkeypatch.setattr(torch.optim.Adam, "step", recorded)
    scores = []
    for weight in (1e-9, 1.0):
        detector = build(with_loss(at_16, adversarial=weight))
        fit(detector, tiny_images)
        scores.append(detector.score(tiny_images.pixels))
    assert learnt == [True] * (2 * 5 * (1 + 2))
    assert not np.array_equal(*scores)
