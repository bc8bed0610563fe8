"""What a training says of itself: the rows of its history, each checked, and the loss of held-out images."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.compute.saved_state import SavedState
from pipeline.detectors.dpa.growth import Phase
from pipeline.detectors.dpa.settings import key
from pipeline.errors import PipelineError

LARGEST_LOSS = 1e6  # the released code stops there, too; a relative loss starts at about 1


def history_row(phase: Phase, before: int, done: int, loss: float, held_out_loss: float | None) -> dict[str, Any]:
    """A row of the history.

    Args:
        phase: The phase at work.
        before: Iterations of the phases before it.
        done: Its own iterations so far.
        loss: The mean since the row before.
        held_out_loss: None without held-out images.
    """
    return {
        "iteration": before + done,
        "phase": phase.kind,
        "resolution": phase.resolution,
        "alpha": round(phase.alpha(done - 1), 6),
        "loss": round(loss, 6),
        "held_out_loss": held_out_loss,
    }


def checked_mean(losses: Sequence[Tensor], phase: Phase, done: int, saved: SavedState, most: float = math.inf) -> float:
    """Return the mean of losses, scalars on the device.

    Raises:
        PipelineError: If it is not finite or not below ``most``; it names the last state that was kept.
    """
    mean = torch.stack(list(losses)).mean().item()
    if mean < most:
        return mean
    state = f"; the last good state is {saved.path}" if saved.path and saved.path.is_file() else ""
    raise PipelineError(
        f"the loss is {mean:.3g} after {done} of {phase.iterations} iterations of the phase {phase}: lower "
        f"{key('learning_rate')}{state}"
    )


def mean_loss(views: Iterable[Tensor], loss_of: Callable[[Tensor], Tensor], count: int, place: Workplace) -> float:
    """Average a loss over images that several processes share.

    Args:
        views: This process's images, in batches.
        loss_of: A batch to the loss of each image, (n,).
        count: Images of all processes.
        place: Where to compute.
    """
    with torch.no_grad():
        losses = [loss_of(x).cpu().double() for x in views]
    total = torch.cat(losses).sum() if losses else torch.zeros((), dtype=torch.float64)
    on_device = total if place.device.type == "mps" else total.to(place.device)
    return round((place.processes.mean(on_device) * place.processes.count / count).item(), 6)
