"""A Dask scheduler and its workers, as processes of their own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.forked import Forked

SECONDS = 60  # that a process has to begin

Process = subprocess.Popen[bytes] | Forked


def dask(what: str, options: tuple[str, ...], log: Path, environment: dict[str, str]) -> None:
    """Be a scheduler or a worker, as ``dask scheduler`` and ``dask worker`` are."""
    from importlib import import_module

    import dask.config

    signal.alarm(0)  # it is there for all tests of a module
    with log.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    os.environ.update(environment)
    dask.config.refresh()
    # A worker's process is forked, too, from its nanny, which starts another when it has died.
    dask.config.set({"distributed.worker.multiprocessing-method": "fork"})
    os.chdir(log.parent)  # not that of a leading process
    import_module(f"distributed.cli.dask_{what}").main([*options])


class Cluster:
    """A scheduler, without workers at first.

    Args:
        folder: For its file and the logs of all.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self._started: list[Process] = []
        options = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(self.file)]
        # Two deaths less than usual, which saves the tests seconds.
        self.scheduler = self._start("scheduler", *options, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1")
        wait_until(lambda: self.file.exists() and self.file.read_bytes().endswith(b"}"))
        self.address = str(json.loads(self.file.read_bytes())["address"])

    def add_worker(self, *more: str, threads: int = 1, **environment: str) -> Process:
        """Start a worker."""
        options = ["--nthreads", str(threads), "--no-dashboard", "--local-directory", str(self.folder)]
        return self._start("worker", self.address, *options, *more, **environment)

    def stop(self, *processes: Process) -> None:
        """End some processes and those that they started; all without."""
        for process in processes or [*self._started]:
            process.kill()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._started.remove(process)

    def _start(self, what: str, *options: str, **environment: str) -> Process:
        log = self.folder / f"{what}-{len(self._started)}.log"
        process: Process
        if "PYTHONPATH" in environment:
            with log.open("wb") as file:
                process = subprocess.Popen(
                    [sys.executable, "-m", "dask", what, *options],
                    cwd=self.folder,
                    env={**os.environ, **environment},
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                )
        else:
            process = Forked(dask, (what, options, log, environment))
        self._started.append(process)
        return process


def kill_one_at_work(client: Any, folder: Path, killed: list[int]) -> None:
    """Wait until items are at work in a folder of parts, kill the process of a worker that is at one, and note it."""
    processes = client.run(os.getpid)
    wait_until(lambda: any(folder.rglob("*.at_work")))
    busy: list[str] = []
    wait_until(lambda: busy.extend(worker for worker, items in client.processing().items() if items) or busy)
    os.kill(processes[busy[0]], signal.SIGKILL)
    killed.append(processes[busy[0]])


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
