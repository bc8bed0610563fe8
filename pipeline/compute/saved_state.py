"""The state of an unfinished training on disk, outside the graph, from which it goes on."""

import hashlib
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.compute.tensor_files import read_tensors, to_bytes
from pipeline.errors import PipelineError
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

    def read(self, of_first: Callable[[bytes], bytes] = lambda own: own) -> dict[str, Any] | None:
        """Return the state that an interrupted training left, if there is a whole one; a damaged one is told of.

        Args:
            of_first: In one of several processes, gives the bytes of the first one, which alone writes states: others
                may be on machines that see none, or an older one.

        Raises:
            PipelineError: If the first one's training is of other settings, data or code.
        """
        if of_first(self.key.encode()) != self.key.encode():
            raise PipelineError(
                "the processes of this training differ in code, packages, settings, data or device: let all nodes have "
                "the same commit, installation, data/prepared and kind of GPU"
            )
        state = of_first(self._whole())
        found: dict[str, Any] | None = read_tensors(io.BytesIO(state)) if state else None
        return found

    def _whole(self) -> bytes:
        """The state in the file; nothing if there is no whole one."""
        if self.path is None or not self.path.is_file():
            return b""
        content = self.path.read_bytes()
        checksum, state = content[:CHECKSUM], content[CHECKSUM:]
        if checksum != self._checksum(state):
            print(f"warning: {self.path} is damaged: training begins anew", file=sys.stderr, flush=True)
            return b""
        return state

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
