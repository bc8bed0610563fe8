"""Training an autoencoder through the phases of growth; whenever it is killed, it goes on to the same weights."""

import math
from collections.abc import Callable, Iterator
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
from pipeline.detectors.dpa.autoencoder import Autoencoder, Encoder, halve
from pipeline.detectors.dpa.critic import STEPS, adversarial_loss, critic_loss
from pipeline.detectors.dpa.display import Display
from pipeline.detectors.dpa.early_stopping import Best
from pipeline.detectors.dpa.growth import Phase, phases, shown_at
from pipeline.detectors.dpa.losses import ReconstructionLoss
from pipeline.detectors.dpa.perceptual_loss import Target
from pipeline.detectors.dpa.settings import DpaSettings, key
from pipeline.detectors.dpa.targets import KnownTargets, bytes_of_targets
from pipeline.errors import PipelineError
from pipeline.features.views import Batches, Draws, ImageStore, central_views, drawn_view, to_network

LARGEST_LOSS = 1e6  # the released code stops there, too; a relative loss starts at about 1
SAMPLES = 8  # images in the picture of a phase


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
        self.images, self.train, self.held_out = images, train, held_out
        self.store = ImageStore(images, train, place.device, place.room)
        side = settings.resolution
        self.spare = (images.shape[1] - side, images.shape[2] - side)
        self.batches = Batches(len(train), self.spare, settings.flips, seed)
        self.phases = phases(settings.steps)
        self.speaks = place.processes.rank == 0
        # What a state holds besides weights: the phase at work, the step of it at which the batches were last drawn,
        # the state of the draws then, and the losses of the steps since.
        self.phase_number, self.drawn_at = 0, 0
        self.draws_state = self.batches.state()
        self.losses: list[Tensor] = []
        self.rows: list[dict[str, Any]] = []
        self.pictures: dict[str, Tensor] = {}
        self.best = Best(settings.early_stopping)

    def run(self) -> History:
        """DpaSettings to the end.

        Returns:
            The history: ``iteration`` (counted over all phases), ``phase``, ``resolution``, ``alpha``, ``loss`` (mean
            since the row before), ``held_out_loss`` (empty without held-out images); and pictures of inputs and
            reconstructions at the end of every phase.

        Raises:
            PipelineError: If the loss stops being finite or grows beyond bounds.
        """
        if self.speaks:
            where = "kept on the device" if self.store.resident else "read from the file for each batch"
            print(f"on {self.place}{self.loss.network}: {len(self.train)} images, {where}", flush=True)
        found = self.saved.read()
        if found:
            self._restore(found)
        with progress_bar(self.speaks) as bar:
            self.display = Display(bar, self.phases, self._iterations_before + self.drawn_at + len(self.losses))
            while self.phase_number < len(self.phases):
                optimisers = self._optimisers(found["optimisers"] if found else None)
                self._train_phase(self.phases[self.phase_number], optimisers)
                self.phase_number, self.drawn_at, found = self.phase_number + 1, 0, None
        pictures = {caption: list(pixels.numpy()) for caption, pixels in self.pictures.items()}
        iterations = self.best.iteration if self.best.weights else self.rows[-1]["iteration"]
        return History(pd.DataFrame(self.rows), iterations, pictures)

    def _train_phase(self, phase: Phase, optimisers: list[torch.optim.Adam]) -> None:
        """DpaSettings one phase, report after every ``report_every`` steps, and stop early if so wanted."""
        step = self._stepper(phase, optimisers)
        alphas = phase.alphas(self.place.device)
        while self.drawn_at < phase.iterations:
            until = min(self.drawn_at + self.settings.report_every, phase.iterations)
            self.draws_state = self.batches.state()
            draws = self.batches.draw((until - self.drawn_at) * self._batches_per_step, phase.batch_size)
            for number, share in self._shares(draws, len(self.losses)):
                self.losses.append(step(share, alphas[self.drawn_at + number]))
                self._look(phase, optimisers)
            self._report(phase, until, alphas[until - 1])
            self.drawn_at = until
            self.losses.clear()
            if self.best.is_over:
                break
        self.best.restore(self.network)
        self._picture(phase)

    @property
    def _batches_per_step(self) -> int:
        return 1 + STEPS if self.critic else 1

    @property
    def _iterations_before(self) -> int:
        return sum(phase.iterations for phase in self.phases[: self.phase_number])

    def _shares(self, draws: Draws, done: int) -> Iterator[tuple[int, Draws]]:
        """Yield number and batches of each step that is not done yet, cut to this process's share, on the device."""
        processes, per_step = self.place.processes, self._batches_per_step
        mine = draws.each(lambda values: processes.share(values).to(self.place.device))
        if not self.store.resident:
            mine = replace(mine, numbers=processes.share(draws.numbers))
        for number in range(done, len(draws.numbers) // per_step):
            yield number, mine.each(itemgetter(slice(number * per_step, (number + 1) * per_step)))

    def _stepper(self, phase: Phase, optimisers: list[torch.optim.Adam]) -> Callable[[Draws, Tensor | None], Tensor]:
        """Return the function that trains one step of a phase and gives its reconstruction loss."""
        known, known_low = self._targets(phase)
        network = self.place.processes.parallel(self.network)
        compare = self.place.compiled(self._compare)

        def step(draws: Draws, alpha: Tensor | None) -> Tensor:
            if self.critic:
                for i in range(STEPS):
                    x = self._shown(draws, i, phase, alpha)
                    self._step_of_critic(self.critic, x, draws.mixing[i], alpha, optimisers[1])
            x = self._shown(draws, -1, phase, alpha)
            numbers = draws.numbers[-1]
            of_x = known.of(x, numbers)
            of_low = [] if alpha is None else known_low.of(halve(x), numbers)
            optimisers[0].zero_grad(set_to_none=True)
            reconstruction, adversarial = compare(network, x, of_x, of_low, alpha)
            torch.autograd.backward(reconstruction + adversarial)
            optimisers[0].step()
            return self.place.processes.mean(reconstruction.detach())

        return step

    def _shown(self, draws: Draws, i: int, phase: Phase, alpha: Tensor | None) -> Tensor:
        """Cut the i-th batch of a step out of its images and bring it to the phase's resolution."""
        pixels = self.store.take(draws.numbers[i])
        place = (draws.top[i], draws.left[i], draws.upside_down[i], draws.mirrored[i])
        view = to_network(drawn_view(pixels, self.settings.resolution, *place))
        return shown_at(view, phase.resolution, alpha, self.settings.reference_downsampling)

    def _compare(
        self,
        network: torch.nn.Module,
        x: Tensor,
        targets: list[Target],
        low_targets: list[Target],
        alpha: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """Reconstruct a batch; the mean of its reconstruction loss, and its weighted adversarial loss."""
        reconstructed = network(x, alpha)
        reconstruction = self.loss.against(x, targets, low_targets, reconstructed, alpha).mean()
        if self.critic is None:
            return reconstruction, torch.zeros_like(reconstruction)
        self.critic.requires_grad_(False)
        return reconstruction, self.settings.loss.adversarial * adversarial_loss(self.critic, reconstructed, alpha)

    def _step_of_critic(
        self, critic: Encoder, x: Tensor, mixing: Tensor, alpha: Tensor | None, optimiser: torch.optim.Adam
    ) -> None:
        with torch.no_grad():
            reconstructed = self.network(x, alpha)
        critic.requires_grad_(True)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(critic_loss(critic, x, reconstructed, mixing, alpha))
        optimiser.step()

    def _optimisers(self, states: list[dict[str, Any]] | None) -> list[torch.optim.Adam]:
        """A fresh Adam for the phase, and one for the critic; or those of the saved state."""
        networks = [self.network, self.critic] if self.critic else [self.network]
        rate = self.settings.learning_rate
        optimisers = [torch.optim.Adam(network.parameters(), lr=rate, fused=True) for network in networks]
        for optimiser, state in zip(optimisers, states or [], strict=False):
            optimiser.load_state_dict(state)
        return optimisers

    def _targets(self, phase: Phase) -> tuple[KnownTargets, KnownTargets]:
        """The targets of what a phase shows, and in a transition of the halved images.

        Kept are those of images that are always shown in the same way, at least twice, and that fit. What a transition
        shows changes with α, but halved it does not: down((1−α)·up(down(x)) + α·x) = down(x) for averages of areas.
        """
        low_resolution = phase.resolution // 2
        resolution = phase.resolution if phase.kind == "stable" else low_resolution
        whole = not self.settings.flips and self.spare == (0, 0)
        same = phase.kind == "stable" or not self.settings.reference_downsampling
        often = phase.iterations * phase.batch_size >= 2 * len(self.train)
        live = KnownTargets(self.loss, None, 0)
        if not (self.settings.loss.perceptual and whole and same and often and self.store.resident):
            return live, live
        needed = bytes_of_targets(self.loss, next(self._views(self.train[:1], resolution)), len(self.train))
        if self.store.bytes + needed > self.place.room:
            return live, live
        kept = KnownTargets(self.loss, self._views(self.train, resolution), len(self.train))
        return (kept, live) if phase.kind == "stable" else (live, kept)

    def _views(self, rows: np.ndarray, resolution: int, alpha: Tensor | None = None) -> Iterator[Tensor]:
        """The central views of images as a phase shows them, in batches."""
        for view in central_views(self.images, rows, self.settings.resolution, self.place.device):
            yield shown_at(view, resolution, alpha, self.settings.reference_downsampling)

    def _report(self, phase: Phase, until: int, alpha: Tensor | None) -> None:
        """Add a row to the history and, in the last phase, remember the network if it is the best so far."""
        held_out_loss = self._held_out_loss(phase, alpha)
        self.rows.append(
            {
                "iteration": self._iterations_before + until,
                "phase": phase.kind,
                "resolution": phase.resolution,
                "alpha": round(phase.alpha(until - 1), 6),
                "loss": round(self._checked_mean(phase, until, LARGEST_LOSS), 6),
                "held_out_loss": held_out_loss,
            }
        )
        if held_out_loss is not None and self.phase_number == len(self.phases) - 1:
            self.best.see(held_out_loss, self.network, self._iterations_before + until)

    def _held_out_loss(self, phase: Phase, alpha: Tensor | None) -> float | None:
        if not len(self.held_out):
            return None
        mine = self.held_out[self.place.processes.rank :: self.place.processes.count]
        with torch.no_grad():
            losses = [
                self.loss(x, self.network(x, alpha), alpha).cpu().double()
                for x in self._views(mine, phase.resolution, alpha)
            ]
        total = torch.cat(losses).sum() if losses else torch.zeros((), dtype=torch.float64)
        on_device = total if self.place.device.type == "mps" else total.to(self.place.device)
        mean = self.place.processes.mean(on_device) * self.place.processes.count / len(self.held_out)
        return round(mean.item(), 6)

    def _look(self, phase: Phase, optimisers: list[torch.optim.Adam]) -> None:
        """Now and then show how it goes and keep the state; nothing here waits for the device at every step."""
        done = self.drawn_at + len(self.losses)
        if self.speaks and self.display.is_due():
            self.display.show(phase, self._iterations_before, done, self._checked_mean(phase, done))
        if self.speaks and self.saved.is_due():
            self._checked_mean(phase, done)
            self.saved.write(self._state(optimisers))

    def _checked_mean(self, phase: Phase, done: int, most: float = math.inf) -> float:
        """Return the mean loss since the last report.

        Raises:
            PipelineError: If it is not finite or not below ``most``.
        """
        mean = torch.stack(self.losses).mean().item()
        if mean < most:
            return mean
        state = f"the last good state is {self.saved.path}" if self.saved.path and self.saved.path.is_file() else ""
        raise PipelineError(
            f"the loss is {mean:.3g} after {done} of {phase.iterations} iterations of the phase {phase}: lower "
            f"{key('learning_rate')}{'; ' if state else ''}{state}"
        )

    def _picture(self, phase: Phase) -> None:
        """Keep what some images look like at the end of a phase, and what the network makes of them."""
        rows = (self.held_out if len(self.held_out) else self.train)[:SAMPLES]
        with torch.no_grad():
            x = next(self._views(rows, phase.resolution))
            for name, shown in (("shown", x), ("reconstructed", self.network(x))):
                self.pictures[f"{phase}: {name}"] = _pixels(shown)

    def _state(self, optimisers: list[torch.optim.Adam]) -> dict[str, Any]:
        return {
            "phase_number": self.phase_number,
            "drawn_at": self.drawn_at,
            "draws": self.draws_state,
            "losses": torch.stack(self.losses).cpu(),
            "rows": self.rows,
            "pictures": self.pictures,
            "best": self.best.state(),
            "network": self.network.state_dict(),
            "critic": self.critic.state_dict() if self.critic else {},
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.phase_number, self.drawn_at = state["phase_number"], state["drawn_at"]
        self.batches.restore(state["draws"])
        self.losses = list(state["losses"].to(self.place.device).unbind())
        self.rows, self.pictures = state["rows"], state["pictures"]
        self.best.load_state(state["best"])
        self.network.load_state_dict(state["network"])
        if self.critic:
            self.critic.load_state_dict(state["critic"])
        if self.speaks:
            done = self.drawn_at + len(self.losses)
            print(f"going on after {done} iterations of the phase {self.phases[self.phase_number]}", flush=True)


def _pixels(images: Tensor) -> Tensor:
    """Map (N, C, H, W) in [−1, 1] to uint8 (N, H, W, C) on the CPU; what lies outside is cut off."""
    return ((images.permute(0, 2, 3, 1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().contiguous()
