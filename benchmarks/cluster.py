"""Workers of a Dask cluster against as many processes, at thumbnails of X-rays; ``python -m benchmarks.cluster``."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from unittest import mock

import pandas as pd

from benchmarks.xrays import DRAWN, collection, write_film
from pipeline.compute.workers import SCHEDULER
from pipeline.data.thumbnails import make_thumbnails

FEW_FILES, FILES = 100, 700  # links to the drawn ones
ROUNDS = 5
WORKERS = (1, 2)
ROOT = Path(__file__).parents[1]


def run() -> dict[str, float]:
    """Time processes and the workers of clusters in turn.

    Returns:
        Images per second of a cluster's workers over those of as many processes: ``cluster_throughput_1_worker`` and
        ``cluster_throughput_2_workers``. By the 600 images that the larger of two collections has more, so that what
        is paid once per collection does not count. Nothing where Dask is not installed.
    """
    if find_spec("distributed") is None:
        return {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        drawn = [write_film(folder / f"{i:03d}.png", i) for i in range(DRAWN)]
        roots = {folder / f"films-{count}": count for count in (FEW_FILES, FILES)}
        collections = {root: collection(root, drawn, count) for root, count in roots.items()}
        # An empty name is none: processes.
        ways = {("cluster", count): stack.enter_context(_cluster(folder / f"{count}", count)) for count in WORKERS}
        ways |= {("processes", count): "" for count in WORKERS}
        stack.enter_context(mock.patch.dict(os.environ))
        seconds: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
        for number in range(ROUNDS):
            for (kind, count), scheduler in ways.items():
                os.environ[SCHEDULER] = scheduler
                scratch = folder / f"{kind}-{count}-{number}"
                few, many = (_seconds(root, files, scratch / root.name, count) for root, files in collections.items())
                seconds[kind, count].append(many - few)
    return {
        f"cluster_throughput_{count}_worker{'s' * (count > 1)}": median(
            by_processes / by_cluster
            for by_processes, by_cluster in zip(seconds["processes", count], seconds["cluster", count], strict=True)
        )
        for count in WORKERS
    }


def _seconds(root: Path, files: pd.DataFrame, scratch: Path, workers: int) -> float:
    start = time.perf_counter()
    make_thumbnails(root, files, files.rename(columns={"source": "path"}), 300, scratch, workers)
    return time.perf_counter() - start


@contextmanager
def _cluster(folder: Path, workers: int) -> Iterator[str]:
    """Yield the file of a scheduler that has some workers, as processes of their own."""
    folder.mkdir()
    file = folder / "scheduler.json"
    of_all = ["--scheduler-file", str(file), "--no-dashboard"]
    commands = [["scheduler", "--port", "0", *of_all]] + [["worker", "--nthreads", "1", *of_all]] * workers
    # as docs/scaling.md starts them
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
    with ExitStack() as stack, (folder / "log").open("wb") as log:
        for command in commands:
            words = [sys.executable, "-m", "dask", *command]
            process = stack.enter_context(subprocess.Popen(words, env=environment, stdout=log, stderr=log))  # noqa: S603
            stack.callback(process.terminate)
        while (folder / "log").read_text(encoding="utf-8").count("Register worker") < workers:
            time.sleep(0.1)
        yield str(file)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
