"""The state of an unfinished training on disk, outside the graph, from which it goes on."""

import hashlib
import io
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.compute.tensor_files import read_tensors, to_bytes
from pipeline.files import atomic, remove

SECONDS = 60.0  # between two states: a minute of work is lost at most
CHECKSUM = 32  # bytes


class SavedState:
    """One file in a folder of its own; states of other settings, data or code that lie there are removed.

    Torch reads a file with a changed bit without a word. So the state follows a checksum of itself and of its key:
    what has the right one was written by this very training, and is whole.

    Args:
        folder: The folder, of one arm and seed; None keeps nothing.
        key: Everything that the training depends on, see :func:`pipeline.compute.scratch.scratch_key`.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.path, self.key = folder / f"{key}.pt" if folder else None, key
        self.written = time.monotonic()
        if folder and folder.is_dir():
            for other in (*folder.glob("*.pt"), *folder.glob(".partial-*.pt")):
                if other != self.path:
                    remove(other)

    def read(self) -> dict[str, Any] | None:
        """Return the state that an interrupted training left, if there is a whole one; a damaged one is told of."""
        if self.path is None or not self.path.is_file():
            return None
        content = self.path.read_bytes()
        checksum, state = content[:CHECKSUM], content[CHECKSUM:]
        if checksum != self._checksum(state):
            print(f"warning: {self.path} is damaged: training begins anew", file=sys.stderr, flush=True)
            return None
        found: dict[str, Any] = read_tensors(io.BytesIO(state))
        return found

    def is_due(self) -> bool:
        """Whether the last state is old enough."""
        return self.path is not None and time.monotonic() - self.written >= SECONDS

    def write(self, state: dict[str, Any]) -> None:
        """Replace the state in one step."""
        if self.path is not None:
            content = to_bytes(state)
            with atomic(self.path) as partial:
                partial.write_bytes(self._checksum(content) + content)
            self.written = time.monotonic()

    def _checksum(self, content: bytes) -> bytes:
        return hashlib.sha256(self.key.encode() + content).digest()
