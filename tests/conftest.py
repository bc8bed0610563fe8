"""Small real parts that several rooms test with."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.images import Images
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.params.file import Params, read_params
from tests.browser import Visitor, browsing
from tests.forked import Fork, Forked
from tests.import_closure import ROOT

# Several tests run at a time: one thread and one worker for each of them and for every process that they start.
os.environ |= {"OMP_NUM_THREADS": "1", "PIPELINE_WORKERS": "1"}
os.environ.pop("PIPELINE_SCHEDULER", None)
# The server that forks processes, see forked.py, finds the tests by it, in whatever folder it is started.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
# Compile once what many processes import, even where the system keeps no bytecode.
os.environ["PYTHONDONTWRITEBYTECODE"] = ""
sys.dont_write_bytecode = False
# A shell starts what it runs in the background deaf to Ctrl-C, and so are its children: the tests of that need ears.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Files whose tests take longest, in this order before all others, so that no worker of pytest is alone at the end.
LONGEST = (
    "test_chain.py",
    "detectors/test_stages.py",
    "test_ablation.py",
    "compute/test_cluster.py",
    "data/slides/test_stages.py",
    "tuning/test_search.py",
    "demo/test_xrays.py",
    "test_params_first.py",
    "detectors/dpa/test_trainer.py",
    "evaluation/test_bootstrap.py",
    "test_plots.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {ROOT / "tests" / file: number for number, file in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


@pytest.fixture(scope="session")
def params() -> Params:
    return read_params(ROOT / "params.yaml")


@pytest.fixture(scope="session", autouse=True)
def workers_begin_at_once() -> Iterator[None]:
    """Fork workers from a process without threads that imported what they need, which takes longer than their work."""
    from pipeline.compute import workers

    kinds = ("folders", "slides", "xrays")
    jobs = [f"pipeline.data.{kind}.prepared_arm" for kind in kinds]
    jobs += ["pipeline.scoring.prepare_job", "pipeline.scoring.slide_tiles", "pipeline.tuning.arm_search"]
    stages = [f"stages.{name}" for name in ("tissue_masks", "normalize_tiles", "train")]
    more = ("tests.forked", "pytest", "torch._dynamo", "distributed.cli.dask_scheduler", "distributed.cli.dask_worker")
    multiprocessing.set_forkserver_preload([*jobs, *stages, *more])  # those that are not installed are left out
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "START", "forkserver")
        yield


@pytest.fixture
def fork() -> Iterator[Fork]:
    """Return a function that starts another, with its arguments, as a :class:`Forked`."""
    started: list[Forked] = []

    def fork(function: Callable[..., Any], *arguments: Any, largest_file: int | None = None) -> Forked:
        started.append(Forked(function, arguments, largest_file))
        return started[-1]

    yield fork
    for process in started:
        process.kill()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Take back what spams, in tests/data/slides, sets for all: with more threads than cores, steps of torch crawl."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def networks_read_once() -> Iterator[None]:
    """Share the perceptual networks, which are frozen: reading one takes longer than most of what it is needed for."""
    from pipeline.features import backbones

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "load_backbone", cache(backbones.load_backbone))
        yield


@pytest.fixture(scope="session")
def tiny_train() -> DpaSettings:
    """A network of 16 px that trains in a second."""
    return DpaSettings.model_validate_json(
        """{"backbone": "efficientnet_lite0", "weights": null, "statistics": null, "statistics_images": 64,
        "depth": 9, "channels": [8, 8, 8], "latent_dim": 4, "latent_size": 1, "flips": false,
        "reference_downsampling": false, "loss": {"perceptual": 1.0, "l1": 0.0, "adversarial": 0.0},
        "learning_rate": 0.002, "precision": "float32", "report_every": 5, "early_stopping": null, "grow": true,
        "schedule": {
            "8": {"layers": ["expand1"], "transition": 0, "stable": 6, "batch_size": 8},
            "16": {"layers": ["expand1"], "transition": 4, "stable": 30, "batch_size": 8}}}"""
    )


@pytest.fixture
def tiny_images() -> Images:
    """24 gray images of 16 px: smooth ramps are normal, checkerboards abnormal."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 255, 16)
    normal = [
        np.clip(np.outer(np.ones(16), np.roll(ramp, k % 4)) + rng.normal(0, 5, (16, 16)), 0, 255) for k in range(16)
    ]
    board = (np.indices((16, 16)).sum(0) % 2) * 255.0
    abnormal = [np.clip(board + rng.normal(0, 20, (16, 16)), 0, 255) for _ in range(8)]
    pixels = np.stack([*normal, *abnormal]).astype(np.uint8)[..., None]
    split = ["train"] * 8 + ["val"] * 4 + ["test"] * 12
    label = [0] * 16 + [1] * 8
    index = pd.DataFrame(
        {
            "id": [f"image_{i:02}" for i in range(24)],
            "split": split,
            "label": label,
            "findings": ["" if not one else "Mass" for one in label],
            "group": [f"patient_{i:02}" for i in range(24)],
            "source": "images/x.png",
            "x": 0,
            "y": 0,
        }
    )
    return Images(pixels, index, {"made": "in a test"})


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, for code that uses paths relative to the repository's root."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def visit() -> Iterator[Visitor]:
    """One browser per module: its event loop must not run under the tests of others."""
    with browsing() as visit:
        yield visit
