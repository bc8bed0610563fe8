"""Processes of their own that begin at once: forked from one that has imported what they need, see conftest.py."""

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline.compute import workers
from pipeline.stage import run_stage

SECONDS = 600  # after which a process is ended that a test would wait for in vain


class Forked:
    """A function at work in a process and a session of its own; what tests ask of it is named as in ``Popen``.

    Args:
        function: Found by its name in a module, as its arguments are.
        arguments: Of the function.
        largest_file: No file may grow beyond so many bytes, which a process is told like a full disk.
    """

    def __init__(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], largest_file: int | None = None
    ) -> None:
        context = get_context("forkserver")
        pipes = [context.Pipe(duplex=False) for _ in range(2)]
        said = [writer for _, writer in pipes]
        task = (function, arguments, Path.cwd(), dict(os.environ), said, largest_file)
        self._process = context.Process(target=_work, args=task)
        self._process.start()
        for writer in said:
            writer.close()
        self.stdout, self._stderr = (os.fdopen(os.dup(reader.fileno()), encoding="utf-8") for reader, _ in pipes)
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def communicate(self) -> tuple[str, str]:
        """Wait for the end; what it printed, little enough for a pipe, and its errors."""
        said = self.stdout.read(), self._stderr.read()
        self.wait()
        return said

    def wait(self) -> int | None:
        self._process.join()
        return self.returncode

    def kill(self) -> None:
        """Kill it, if it has not ended, and all that it has started."""
        if self.poll() is None:
            for kill in (os.kill, os.killpg):  # it may not yet have a session of its own
                with contextlib.suppress(ProcessLookupError):
                    kill(self.pid, signal.SIGKILL)
        self.wait()


Fork = Callable[..., Forked]


def stage(name: str, *words: str) -> None:
    """Run a stage as ``python -m stages.<name> <words>`` does."""
    sys.argv += words
    run_stage(import_module(f"stages.{name}").main)


def _work(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    folder: Path,
    environment: dict[str, str],
    said: list[Connection],
    largest_file: int | None,
) -> None:
    signal.alarm(SECONDS)
    os.setsid()
    os.chdir(folder)
    sys.argv = sys.argv[:1]
    os.environ.clear()
    os.environ.update(environment)
    for stream, pipe in enumerate(said, 1):
        os.dup2(pipe.fileno(), stream)
        pipe.close()
    sys.stdout, sys.stderr = (os.fdopen(stream, "w", 1, encoding="utf-8", closefd=False) for stream in (1, 2))
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    workers.compute_with_one_thread()
    workers.START = "fork"  # which is safe as long as there is one thread
    function(*arguments)
