"""The loop that trains baselines, with a network of one weight."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.compute.device import Workplace
from pipeline.compute.saved_state import SavedState
from pipeline.compute.tensor_files import to_bytes
from pipeline.detectors.settings import DetectorSettings
from pipeline.detectors.training import CentralViews, Learner, Loop, Schedule, noise_generator, saved_state
from pipeline.errors import PipelineError
from pipeline.features.views import to_network

SAMPLES = 10


class Toy(Learner):
    """Moves one weight towards the numbers of samples, with noise and a momentum, so that all of its state matters."""

    def __init__(self, fails_at: int | None = None, broken_at: int | None = None) -> None:
        self.networks = nn.ModuleDict({"only": nn.Linear(1, 1, bias=False)})
        nn.init.ones_(self.networks["only"].weight)
        self.optimisers = [torch.optim.Adam(self.networks.parameters(), lr=0.1)]
        self.noise = noise_generator(0, "toy")
        self.fails_at, self.broken_at = fails_at, broken_at
        self.seen: list[Tensor] = []

    def step(self, numbers: Tensor, iteration: int) -> Tensor:
        if iteration == self.fails_at:
            raise KeyboardInterrupt
        self.seen.append(numbers)
        wanted = numbers.float().mean() + torch.randn((), generator=self.noise)
        loss = (self.networks["only"].weight - wanted).square().sum()
        self.optimisers[0].zero_grad()
        loss.backward()
        self.optimisers[0].step()
        return loss.detach() * (torch.nan if iteration == self.broken_at else 1.0)


def loop(learner: Toy, folder: Path | None = None, schedule: Schedule = Schedule(25, 4, 2, 10)) -> Loop:  # noqa: B008
    return Loop(learner, SAMPLES, schedule, 0, SavedState(folder, "key"), "toy")


def test_the_history_has_the_mean_loss_of_each_report_and_a_last_row() -> None:
    learner, losses = Toy(), []
    plain = learner.step
    learner.step = lambda *arguments: losses.append(plain(*arguments)) or losses[-1]  # type: ignore[method-assign]
    history = loop(learner).run()
    assert history.iterations == 25
    assert history.rows["iteration"].tolist() == [10, 20, 25]
    expected = [torch.stack(losses[a:b]).mean().item() for a, b in ((0, 10), (10, 20), (20, 25))]
    assert history.rows["loss"].tolist() == pytest.approx(expected, abs=1e-6)
    assert "held_out_loss" not in history.rows


def test_held_out_images_are_looked_at_with_each_report() -> None:
    learner = Toy()
    training = loop(learner)
    training.held_out_loss = lambda: len(learner.seen) / 2
    assert training.run().rows["held_out_loss"].tolist() == [5.0, 10.0, 12.5]


def test_each_sample_is_seen_once_per_epoch_in_batches_of_their_own() -> None:
    learner = Toy()
    loop(learner, schedule=Schedule.of_epochs(4, SAMPLES, 5, 100)).run()
    assert all(numbers.shape == (1, 5) for numbers in learner.seen)
    order = torch.cat(learner.seen).flatten().view(4, SAMPLES)
    assert (order.sort(1).values == torch.arange(SAMPLES)).all()
    assert not torch.equal(order[0], order[1])
    assert Schedule.of_epochs(3, 10, 4, 100).iterations == 8  # 30 samples


@pytest.mark.parametrize("fails_at", [1, 9, 10, 11, 24])
def test_an_interrupted_training_ends_in_the_same_bytes(
    fails_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Toy()
    history = loop(whole).run()
    monkeypatch.setattr(SavedState, "is_due", lambda _: True)
    with pytest.raises(KeyboardInterrupt):
        loop(Toy(fails_at), tmp_path).run()
    resumed = Toy()
    again = loop(resumed, tmp_path).run()
    assert f"going on after {fails_at} of 25 iterations" in capsys.readouterr().out
    assert len(resumed.seen) == 25 - fails_at
    assert to_bytes(resumed.state()) == to_bytes(whole.state())
    assert again.rows.equals(history.rows)
    assert again.iterations == history.iterations


@pytest.mark.parametrize("broken_at", [0, 13, 24])
def test_a_loss_that_is_not_finite_is_one_sentence(broken_at: int) -> None:
    with pytest.raises(PipelineError) as error:
        loop(Toy(broken_at=broken_at)).run()
    assert str(error.value).startswith("the loss is nan after ")
    assert str(error.value).endswith("of 25 iterations: lower detectors.toy.learning_rate")


def test_no_state_of_a_broken_training_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SavedState, "is_due", lambda _: True)
    with pytest.raises(PipelineError, match="after 4 of 25"):
        loop(Toy(broken_at=3), tmp_path).run()
    kept = SavedState(tmp_path, "key").read()
    assert kept is not None
    assert kept["done"] == 3
    assert kept["losses"].isfinite().all()


def test_views_are_central_squares_of_the_asked_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 1), dtype=np.uint8)
    rows = np.array([4, 1, 3])
    expected = to_network(torch.from_numpy(images[[3, 4], 2:6, 1:5]))
    for room in (10**6, 0):  # on the device, and read for each batch
        views = CentralViews(images, rows, 4, Workplace(room=room)).take(torch.tensor([2, 0]))
        assert torch.equal(views, expected)
    assert CentralViews(images, rows, None, Workplace()).take(torch.tensor([1])).shape == (1, 1, 8, 6)


def test_the_state_is_of_all_that_the_result_depends_on(tmp_path: Path) -> None:
    images, rows = np.zeros((4, 2, 2, 1), np.uint8), [np.arange(3), np.arange(3, 4)]
    settings, place = DetectorSettings(), Workplace()
    same = saved_state(tmp_path, settings, images, rows, 0, place, "sum")
    assert same.path == saved_state(tmp_path, settings, images.copy(), rows, 0, place, "sum").path
    others = [
        saved_state(tmp_path, settings, images + 1, rows, 0, place, "sum"),
        saved_state(tmp_path, settings, images, [np.arange(2), np.arange(3, 4)], 0, place, "sum"),
        saved_state(tmp_path, settings, images, rows, 1, place, "sum"),
        saved_state(tmp_path, settings, images, rows, 0, Workplace(room=1), "sum"),
        saved_state(tmp_path, settings, images, rows, 0, place, "another"),
    ]
    assert len({state.path for state in [same, *others]}) == 6
    assert saved_state(None, settings, images, rows, 0, place).path is None
