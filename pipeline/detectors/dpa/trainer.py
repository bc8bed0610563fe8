"""Training an autoencoder through the phases of growth; whenever it is killed, it goes on to the same weights."""

from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.progress import progress_bar
from pipeline.compute.saved_state import SavedState
from pipeline.detectors.base import History
from pipeline.detectors.dpa.autoencoder import Autoencoder, Encoder
from pipeline.detectors.dpa.critic import STEPS, LearningCritic
from pipeline.detectors.dpa.display import Display
from pipeline.detectors.dpa.early_stopping import Best
from pipeline.detectors.dpa.growth import Phase, phases
from pipeline.detectors.dpa.losses import ReconstructionLoss
from pipeline.detectors.dpa.pictures import pictures_of
from pipeline.detectors.dpa.reports import LARGEST_LOSS, checked_mean, history_row, mean_loss
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.dpa.shown import Shown
from pipeline.detectors.dpa.targets import phase_targets
from pipeline.detectors.dpa.training_state import TrainingState
from pipeline.detectors.dpa.training_step import PhaseWork, training_step
from pipeline.features.views import Batches, Draws


class Trainer:
    """The training of one network.

    Args:
        settings: Loss, schedule and so on.
        network: The autoencoder, freshly initialised, on the device.
        critic: The critic of the adversarial loss, or None.
        loss: The reconstruction loss in the precision of training.
        images: All images of the arm, uint8 (N, H, W, C), memory-mapped or not.
        train: Rows of the training normals.
        held_out: Rows of the held-out normals; may be empty.
        place: Where to compute.
        seed: Seed of all draws.
        saved: The state to go on from, and where to keep the next one.
    """

    def __init__(
        self,
        settings: DpaSettings,
        network: Autoencoder,
        critic: Encoder | None,
        loss: ReconstructionLoss,
        images: np.ndarray,
        train: np.ndarray,
        held_out: np.ndarray,
        place: Workplace,
        seed: int,
        saved: SavedState,
    ) -> None:
        self.settings, self.place, self.saved = settings, place, saved
        self.network, self.critic, self.loss = network, critic, loss
        self.shown = Shown(settings, images, train, held_out, place)
        self.batches = Batches(len(train), self.shown.spare, settings.flips, seed)
        self.phases = phases(settings.steps)
        self.state = TrainingState(network, critic, Best(settings.early_stopping), self.batches)
        self.speaks = place.processes.rank == 0

    def run(self) -> History:
        """Train to the end.

        Returns:
            The history: ``iteration`` (counted over all phases), ``phase``, ``resolution``, ``alpha``, ``loss`` (mean
            since the row before), ``held_out_loss`` (empty without held-out images); and pictures of inputs and
            reconstructions at the end of every phase.

        Raises:
            PipelineError: If the loss stops being finite or grows beyond bounds.
        """
        self._say_where()
        kept = self.saved.read(self.place.of_first)
        if kept:
            self._go_on_from(kept)
        state = self.state
        with progress_bar(self.speaks) as bar:
            self.display = Display(bar, self.phases, self._iterations_before + state.done)
            while state.phase_number < len(self.phases):
                optimisers = self._optimisers(kept["optimisers"] if kept else None)
                self._train_phase(self.phases[state.phase_number], optimisers)
                state.phase_number, state.drawn_at, kept = state.phase_number + 1, 0, None
        pictures = {caption: list(pixels.numpy()) for caption, pixels in state.pictures.items()}
        iterations = state.best.iteration if state.best.weights else state.rows[-1]["iteration"]
        return History(pd.DataFrame(state.rows), iterations, pictures)

    def _train_phase(self, phase: Phase, optimisers: list[torch.optim.Adam]) -> None:
        """Train one phase, report after every ``report_every`` steps, and stop early if so wanted."""
        state, work = self.state, self._work(phase, optimisers)
        alphas = phase.alphas(self.place.device)
        while state.drawn_at < phase.iterations:
            until = min(state.drawn_at + self.settings.report_every, phase.iterations)
            state.draws = self.batches.state()
            draws = self.batches.draw((until - state.drawn_at) * self._batches_per_step, phase.batch_size)
            for number, share in self._shares(draws, len(state.losses)):
                state.losses.append(training_step(work, share, alphas[state.drawn_at + number]))
                self._look(phase, optimisers)
            self._report(phase, until, alphas[until - 1])
            state.drawn_at = until
            state.losses.clear()
            if state.best.is_over:
                break
        state.best.restore(self.network)
        state.pictures |= pictures_of(phase, self.network, self.shown)

    def _work(self, phase: Phase, optimisers: list[torch.optim.Adam]) -> PhaseWork:
        """What the steps of a phase work with."""
        critic = None
        if self.critic:
            critic = LearningCritic(self.critic, self.network, optimisers[1], self.settings.loss.adversarial)
        return PhaseWork(
            phase,
            self.shown,
            phase_targets(phase, self.loss, self.shown, self.settings, self.place.room),
            self.place.compiled(self.place.processes.parallel(self.network)),
            optimisers[0],
            self.place.compiled(self.loss.against),
            critic,
            self.place.processes,
        )

    def _optimisers(self, states: list[dict[str, Any]] | None) -> list[torch.optim.Adam]:
        """A fresh Adam for the phase, and one for the critic; or those of the saved state."""
        networks = [self.network, self.critic] if self.critic else [self.network]
        rate = self.settings.learning_rate
        optimisers = [torch.optim.Adam(network.parameters(), lr=rate, fused=True) for network in networks]
        for optimiser, state in zip(optimisers, states or [], strict=False):
            optimiser.load_state_dict(state)
        return optimisers

    @property
    def _batches_per_step(self) -> int:
        return 1 + STEPS if self.critic else 1

    @property
    def _iterations_before(self) -> int:
        return sum(phase.iterations for phase in self.phases[: self.state.phase_number])

    def _shares(self, draws: Draws, done: int) -> Iterator[tuple[int, Draws]]:
        """Yield number and batches of each step that is not done yet, cut to this process's share, on the device."""
        processes, per_step = self.place.processes, self._batches_per_step
        mine = draws.each(lambda values: processes.share(values).to(self.place.device))
        if not self.shown.store.resident:
            mine = replace(mine, numbers=processes.share(draws.numbers))
        for number in range(done, len(draws.numbers) // per_step):
            yield number, mine.each(itemgetter(slice(number * per_step, (number + 1) * per_step)))

    def _report(self, phase: Phase, until: int, alpha: Tensor | None) -> None:
        """Add a row to the history and, in the last phase, remember the network if it is the best so far."""
        state, before = self.state, self._iterations_before
        held_out_loss = self._held_out_loss(phase, alpha)
        loss = checked_mean(state.losses, phase, until, self.saved, LARGEST_LOSS)
        state.rows.append(history_row(phase, before, until, loss, held_out_loss))
        if held_out_loss is not None and state.phase_number == len(self.phases) - 1:
            state.best.see(held_out_loss, self.network, before + until)

    def _held_out_loss(self, phase: Phase, alpha: Tensor | None) -> float | None:
        rows, processes = self.shown.held_out, self.place.processes
        if not len(rows):
            return None
        views = self.shown.central(rows[processes.rank :: processes.count], phase.resolution, alpha)
        return mean_loss(views, lambda x: self.loss(x, self.network(x, alpha), alpha), len(rows), self.place)

    def _look(self, phase: Phase, optimisers: list[torch.optim.Adam]) -> None:
        """Now and then show how it goes and keep the state; nothing here waits for the device at every step."""
        state, done = self.state, self.state.done
        if self.speaks and self.display.is_due():
            loss = checked_mean(state.losses, phase, done, self.saved)
            self.display.show(phase, self._iterations_before, done, loss)
        if self.speaks and self.saved.is_due():
            checked_mean(state.losses, phase, done, self.saved)
            self.saved.write(state.content(optimisers))

    def _say_where(self) -> None:
        if self.speaks:
            where = "kept on the device" if self.shown.store.resident else "read from the file for each batch"
            print(f"on {self.place}{self.loss.network}: {len(self.shown.train)} images, {where}", flush=True)

    def _go_on_from(self, kept: dict[str, Any]) -> None:
        self.state.restore(kept, self.place.device)
        if self.speaks:
            phase = self.phases[self.state.phase_number]
            print(f"going on after {self.state.done} iterations of the phase {phase}", flush=True)
