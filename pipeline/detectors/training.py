"""The loop that trains a baseline's networks; whenever it is killed, it goes on to the same weights."""

import hashlib
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from pipeline.compute.device import Workplace
from pipeline.compute.portions import update_with
from pipeline.compute.progress import progress_bar
from pipeline.compute.saved_state import SavedState
from pipeline.compute.scratch import scratch_key
from pipeline.compute.seeding import derived_seed
from pipeline.detectors.base import History
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.features.views import Batches, ImageStore, central_view, to_network

SHOWN_SECONDS = 2.0  # between two looks at the loss, each of which waits for the device
LOGGED_SECONDS = 60.0  # between two lines where there is no terminal to draw on


@dataclass(frozen=True)
class Schedule:
    """How long is trained, and on how much at a time.

    Attributes:
        iterations: Steps.
        batch_size: Samples of each batch.
        batches: Batches that a step takes, each of its own samples.
        report_every: Steps per row of the history.
    """

    iterations: int
    batch_size: int
    batches: int = 1
    report_every: int = 100

    @classmethod
    def of_epochs(cls, epochs: int, samples: int, batch_size: int, report_every: int) -> "Schedule":
        """Whole passes over the samples; the last batch of a pass goes on with the next one."""
        return cls(math.ceil(epochs * samples / batch_size), batch_size, 1, report_every)


class CentralViews:
    """The central views of training images, as networks take them.

    Args:
        images: uint8 (N, H, W, C), memory-mapped or not.
        rows: The training images.
        side: Of the view in pixels; None for whole images.
        place: Where to compute.
    """

    def __init__(self, images: np.ndarray, rows: np.ndarray, side: int | None, place: Workplace) -> None:
        self.store, self.side, self.device = ImageStore(images, rows, place.device, place.room), side, place.device

    def take(self, numbers: Tensor) -> Tensor:
        """Return views float32 (n, C, side, side) in [−1, 1]; numbers int64 (n,) on the CPU, counted from 0."""
        pixels = self.store.take(numbers.to(self.device) if self.store.resident else numbers)
        return to_network(central_view(pixels, self.side))


class Learner(ABC):
    """What is trained, and how one step goes.

    Attributes:
        networks: All networks that a step changes, on the device.
        optimisers: Theirs.
        noise: All that a step draws comes from here, on the CPU, so that every device sees the same.
    """

    networks: nn.ModuleDict
    optimisers: Sequence[torch.optim.Optimizer]
    noise: torch.Generator

    @abstractmethod
    def step(self, numbers: Tensor, iteration: int) -> Tensor:
        """Change the networks once.

        Args:
            numbers: The samples, int64 (batches, n) on the CPU, counted from 0.
            iteration: Counted from 0.

        Returns:
            The loss that the history shows, a scalar on the device without gradient.
        """

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs; whoever keeps more than networks and optimisers adds it."""
        return {
            "networks": self.networks.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "noise": self.noise.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was called."""
        self.networks.load_state_dict(state["networks"])
        for optimiser, content in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(content)
        self.noise.set_state(state["noise"])


class Loop:
    """Trains a learner for a fixed number of steps.

    Args:
        learner: What is trained.
        samples: How many different samples there are; each is seen once per epoch.
        schedule: How long, and on how much at a time.
        seed: Of the order of the samples.
        saved: The state to go on from, and where to keep the next one.
        name: The detector's, for messages.
        held_out_loss: Computes the loss of the held-out images at each report; None without such.
    """

    def __init__(
        self,
        learner: Learner,
        samples: int,
        schedule: Schedule,
        seed: int,
        saved: SavedState,
        name: str,
        held_out_loss: Callable[[], float] | None = None,
    ) -> None:
        self.learner, self.schedule, self.saved, self.name = learner, schedule, saved, name
        self.held_out_loss = held_out_loss
        self.batches = Batches(samples, (0, 0), False, seed)
        self.done = 0
        self.losses: list[Tensor] = []
        self.rows: list[dict[str, Any]] = []

    def run(self) -> History:
        """Train to the end.

        Returns:
            ``iteration``, ``loss`` (mean since the row before) and, with held-out images, ``held_out_loss``.

        Raises:
            PipelineError: If the loss stops being finite.
        """
        self._go_on()
        with progress_bar() as bar:
            task = bar.add_task("training", total=self.schedule.iterations, note="", completed=self.done)
            looked = time.monotonic()
            while self.done < self.schedule.iterations:
                self._step()
                if time.monotonic() - looked >= (LOGGED_SECONDS if bar.disable else SHOWN_SECONDS):
                    looked, loss = time.monotonic(), self._loss()
                    bar.update(task, completed=self.done, note=f"loss {loss:.4g}")
                    if bar.disable:
                        print(f"{self.done} of {self.schedule.iterations} iterations: loss {loss:.4g}", flush=True)
                if self.saved.is_due():
                    self._loss()
                    self.saved.write(self._state())
        return History(pd.DataFrame(self.rows), self.done)

    def _step(self) -> None:
        numbers = self.batches.draw(self.schedule.batches, self.schedule.batch_size).numbers
        self.losses.append(self.learner.step(numbers, self.done))
        self.done += 1
        if self.done % self.schedule.report_every == 0 or self.done == self.schedule.iterations:
            row: dict[str, Any] = {"iteration": self.done, "loss": round(self._loss(), 6)}
            if self.held_out_loss:
                row["held_out_loss"] = round(self.held_out_loss(), 6)
            self.rows.append(row)
            self.losses.clear()

    def _loss(self) -> float:
        """The mean since the last report; what is not finite ends the training."""
        if not self.losses:  # just reported, and found finite
            return float(self.rows[-1]["loss"])
        mean = torch.stack(self.losses).mean().item()
        if not math.isfinite(mean):
            raise PipelineError(
                f"the loss is {mean} after {self.done} of {self.schedule.iterations} iterations: lower "
                f"detectors.{self.name}.learning_rate"
            )
        return mean

    def _state(self) -> dict[str, Any]:
        return {
            "done": self.done,
            "batches": self.batches.state(),
            "losses": torch.stack(self.losses).cpu() if self.losses else torch.empty(0),
            "rows": self.rows,
            "learner": self.learner.state(),
        }

    def _go_on(self) -> None:
        kept = self.saved.read()
        if kept is None:
            return
        self.done, self.rows = kept["done"], kept["rows"]
        device = next(self.learner.networks.parameters()).device
        self.losses = list(kept["losses"].to(device).unbind())
        self.batches.restore(kept["batches"])
        self.learner.restore(kept["learner"])
        print(f"going on after {self.done} of {self.schedule.iterations} iterations", flush=True)


def noise_generator(seed: int, name: str) -> torch.Generator:
    """A generator on the CPU for all that a learner's steps draw."""
    return torch.Generator().manual_seed(derived_seed(seed, name, "noise"))


def saved_state(
    scratch: Path | None,
    settings: DetectorSettings,
    images: np.ndarray,
    rows: Sequence[np.ndarray],
    seed: int,
    place: Workplace,
    *facts: object,
) -> SavedState:
    """Where a training keeps its state, under a key of all that its result depends on.

    Args:
        scratch: The folder; None keeps nothing.
        settings: The detector's.
        images: All images of the arm.
        rows: The rows that are used.
        seed: Of the fit.
        place: Where it computes.
        *facts: What else it depends on, such as the checksum of a network's weights.
    """
    if scratch is None:
        return SavedState(None, "")
    data = hashlib.sha256()
    for values in (images, *rows):
        update_with(data, values)
    where = (str(place), place.room, torch.get_num_threads())
    return SavedState(scratch, scratch_key(settings.model_dump_json(), seed, data.hexdigest(), where, *facts))
