"""What a user sees of a training: phase, α, loss, images per second and the time left."""

import time
from collections.abc import Sequence

from rich.progress import Progress

from pipeline.detectors.dpa.growth import Phase

SHOWN_SECONDS = 2.0  # between two looks at the loss, each of which waits for the device
LOGGED_SECONDS = 60.0  # between two lines where there is no terminal to draw on


class Display:
    """A progress bar, or lines in a log.

    Args:
        bar: Where to draw; lines are printed if it is disabled.
        phases: All phases of the training.
        done: Iterations that an interrupted training did before.
    """

    def __init__(self, bar: Progress, phases: Sequence[Phase], done: int) -> None:
        self.bar = bar
        self.task = bar.add_task("training", total=sum(phase.iterations for phase in phases), note="")
        self.seconds = LOGGED_SECONDS if bar.disable else SHOWN_SECONDS
        self.last_time = time.monotonic()
        self.last_done = done

    def is_due(self) -> bool:
        """Whether the last look is long enough ago."""
        return time.monotonic() - self.last_time >= self.seconds

    def show(self, phase: Phase, before: int, done: int, loss: float) -> None:
        """Show how far the training is.

        Args:
            phase: The phase at work.
            before: Iterations of the phases before it.
            done: Its own iterations so far.
            loss: The mean reconstruction loss since the last report.
        """
        now = time.monotonic()
        rate = (before + done - self.last_done) * phase.batch_size / (now - self.last_time)
        self.last_time, self.last_done = now, before + done
        alpha = f"  α {phase.alpha(done - 1):.2f}" if phase.kind == "transition" else ""
        note = f"{phase}{alpha}  loss {loss:.4f}  {rate:.0f} images/s"
        self.bar.update(self.task, completed=before + done, note=note)
        if self.bar.disable:
            print(f"{done} of {phase.iterations} iterations: {note}", flush=True)
