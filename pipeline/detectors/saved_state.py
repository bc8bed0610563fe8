"""The state of an unfinished training on disk, outside the graph, from which it goes on."""

import time
from pathlib import Path
from typing import Any

from pipeline.detectors.tensor_files import NotTensorsError, read_tensors, write_tensors
from pipeline.files import remove

SECONDS = 60.0  # between two states: a minute of work is lost at most


class SavedState:
    """One file in a folder of its own; states of other settings, data or code that lie there are removed.

    Args:
        folder: The folder, of one arm and seed; None keeps nothing.
        key: Everything that the training depends on, see :func:`pipeline.scratch.scratch_key`.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.path = folder / f"{key}.pt" if folder else None
        self.written = time.monotonic()
        if folder and folder.is_dir():
            for other in (*folder.glob("*.pt"), *folder.glob(".partial-*.pt")):
                if other != self.path:
                    remove(other)

    def read(self) -> dict[str, Any] | None:
        """Return the state that an interrupted training left, if there is a whole one."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            state: dict[str, Any] = read_tensors(self.path)
        except NotTensorsError:
            print(f"{self.path} is not whole: training starts again", flush=True)
            return None
        return state

    def is_due(self) -> bool:
        """Whether the last state is old enough."""
        return self.path is not None and time.monotonic() - self.written >= SECONDS

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state in one step."""
        if self.path is not None:
            write_tensors(self.path, state)
            self.written = time.monotonic()
