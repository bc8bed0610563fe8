"""The stage train in processes of its own, killed and started again."""

import hashlib
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.distributed.run

from pipeline.compute.saved_state import SavedState
from pipeline.data.images import Images, write_images
from pipeline.errors import PipelineError
from stages import train as stage
from tests import forked
from tests.forked import Fork
from tests.import_closure import ROOT
from tests.shipped import shipped, write

STEPS = 12
# Keeps a state after every step and kills itself, as `kill -9` does, when the n-th is written; for `sitecustomize.py`,
# which Python runs first in each process.
KILLED = """
import os, signal
from pipeline.compute import saved_state
saved_state.SECONDS = 0.0
write, number = saved_state.SavedState.write, iter(range(1, 10_000))
def killing(self, state):
    write(self, state)
    if next(number) == {}:
        os.kill(os.getpid(), signal.SIGKILL)
saved_state.SavedState.write = killing
"""


def prepare(folder: Path, images: Images, processes: int = 1, **settings: Any) -> Path:
    """Make a folder in which the arm demo_xrays is prepared, with a short schedule."""
    folder.mkdir()
    shutil.copytree(ROOT / "stages", folder / "stages")
    content = shipped()
    content["params.yaml"]["compute"] |= {"processes": processes, "threads": 1, "device": "cpu"}
    low = {"layers": ["expand1"], "transition": 0, "stable": 4, "batch_size": 8}
    schedule = {"8": low, "16": low | {"transition": 4}}
    arm = content["arms/demo_xrays.yaml"]
    arm["detectors"]["dpa"] |= {"channels": [8, 8, 8], "schedule": schedule, "report_every": 1, **settings}
    arm["equalize_xrays"]["working_size"] = 16
    write(content, folder)
    write_images(folder / "data/prepared/demo_xrays", [images.pixels], images.index, {})
    return folder


def test_weights_that_are_gone_are_named_before_anything_is_trained(
    tiny_images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepare(tmp_path / "arm", tiny_images, weights="gone.pth"))
    with pytest.raises(
        PipelineError, match=r"^arms/demo_xrays\.yaml: detectors\.dpa\.weights names gone\.pth, but there"
    ):
        stage.main("demo_xrays", "dpa", "0")


RUN = ("demo_xrays", "dpa", "0")


def train_killed(number: int) -> None:
    """Train until a state is written for the n-th time."""
    exec(KILLED.format(number), {})  # noqa: S102
    stage.main(*RUN)


def train_here(folder: Path) -> str:
    """Train in this process, which has imported what another would import for seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return stage.main("demo_xrays", "dpa", "0")


def checksums(folder: Path) -> dict[str, str]:
    """The outputs of the training stage."""
    files = [folder / "data/models/demo_xrays/dpa/seed-0/model.pt"]
    files += [folder / "reports/runs/demo_xrays/dpa/seed-0" / name for name in ("history.csv", "growth.png")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_a_training_says_where_it_runs_on_what_and_what_it_made(
    tmp_path: Path, tiny_images: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    made = train_here(prepare(tmp_path / "run", tiny_images))
    assert capsys.readouterr().out == "on cpu, perceptual network in float32: 8 images, kept on the device\n"
    assert made == f"demo_xrays/dpa/seed-0: {STEPS} iterations"


@pytest.mark.slow
def test_a_training_killed_in_any_kind_of_phase_ends_in_the_same_bytes(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch, fork: Fork
) -> None:
    killed = prepare(tmp_path / "killed", tiny_images)
    whole = Path(shutil.copytree(killed, tmp_path / "whole"))
    train_here(whole)
    monkeypatch.chdir(killed)
    for number, phase in ((3, "8 px stable"), (3, "16 px transition"), (4, "16 px stable")):
        process = fork(train_killed, number)
        assert (process.communicate()[1], process.returncode) == ("", -signal.SIGKILL)
        (state,) = (killed / ".cache/training/demo_xrays/dpa/seed-0").glob("*.pt")
        content = SavedState(state.parent, state.stem).read()
        assert content
        assert (content["phase_number"], phase) in enumerate(["8 px stable", "16 px transition", "16 px stable"])
    resumed = fork(forked.stage, "train", *RUN)
    output, errors = resumed.communicate()
    assert resumed.returncode == 0, errors
    assert "going on after 2 iterations of the phase 16 px stable" in output
    assert checksums(killed) == checksums(whole)
    assert not list((killed / ".cache/training").rglob("*.pt"))


def torchrun(*options: str) -> None:
    """Be one of the two nodes of a training."""
    torch.distributed.run.main(["--nnodes=2", "--local-addr=127.0.0.1", *options, "-m", "pipeline.one_training", *RUN])


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@pytest.mark.slow
def test_two_processes_follow_the_loss_of_one_and_two_nodes_end_in_their_bytes(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch, fork: Fork
) -> None:
    folders = [prepare(tmp_path / f"{count}", tiny_images, count) for count in (1, 2)]
    monkeypatch.chdir(folders[1])
    both = fork(forked.stage, "train", *RUN)
    for said in (train_here(folders[0]), both.communicate()[0]):
        assert said.count(f"demo_xrays/dpa/seed-0: {STEPS} iterations") == 1
    alone, together = (pd.read_csv(folder / "reports/runs/demo_xrays/dpa/seed-0/history.csv") for folder in folders)
    assert together["iteration"].tolist() == alone["iteration"].tolist() == list(range(1, STEPS + 1))
    for column in ("loss", "held_out_loss"):  # later, rounding is amplified from step to step
        np.testing.assert_allclose(together[column][:6], alone[column][:6], rtol=1e-3)
        np.testing.assert_allclose(together[column], alone[column], rtol=0.1)
    models = [torch.load(f / "data/models/demo_xrays/dpa/seed-0/model.pt", weights_only=True) for f in folders]
    assert [model["processes"] for model in models] == [1, 2]

    first = prepare(tmp_path / "first", tiny_images, 2)
    # the first process is killed when the sixth state is written, and with it its node
    killed = "os.kill(os.getpid(), signal.SIGKILL)"
    (first / "sitecustomize.py").write_text(KILLED.format(6).replace(killed, f"os.kill(os.getppid(), 9); {killed}"))
    met = ("--rdzv-backend=c10d", f"--rdzv-endpoint=127.0.0.1:{free_port()}", "--rdzv-id=training")
    monkeypatch.chdir(first)
    monkeypatch.setenv("PYTHONPATH", f"{first}{os.pathsep}{ROOT}")
    nodes = [fork(torchrun, *met) for _ in range(2)]
    said = [node.communicate()[1] for node in nodes]
    assert sorted(node.returncode for node in nodes) == [-signal.SIGKILL, 1]
    gone = "error: another process of this training, or its machine, is gone: run again, on every node"
    assert gone in said[0] + said[1]

    (first / "sitecustomize.py").unlink()
    second = Path(shutil.copytree(first, tmp_path / "second", ignore=shutil.ignore_patterns(".cache")))
    port = free_port()  # with nodes of fixed numbers: the second one sees no state
    nodes = []
    for number, folder in enumerate((first, second)):
        monkeypatch.chdir(folder)
        fixed = ("--master-addr=127.0.0.1", f"--master-port={port}", f"--node-rank={number}")
        nodes.append(fork(torchrun, *fixed))
    outputs = [node.communicate() for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs
    assert "going on after 2 iterations of the phase 16 px transition" in outputs[0][0]
    assert train_here(first) == "demo_xrays/dpa/seed-0: 0 iterations, it was finished before"
    assert checksums(first) == checksums(folders[1])


@pytest.mark.slow
def test_a_process_that_fails_stops_the_training_with_its_sentence(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch, fork: Fork
) -> None:
    monkeypatch.chdir(prepare(tmp_path / "run", tiny_images, 2, learning_rate=1e30))
    failed = fork(forked.stage, "train", *RUN)
    _, errors = failed.communicate()
    assert failed.returncode == 1
    assert "lower detectors.dpa.learning_rate" in errors
    assert "Traceback" not in errors


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("to_one", [False, True], ids=["to all", "to one process"])
def test_a_stopped_training_says_so_in_one_line(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch, fork: Fork, processes: int, to_one: bool
) -> None:
    step = {"layers": ["expand1"], "transition": 0, "stable": 100_000, "batch_size": 8}
    monkeypatch.chdir(prepare(tmp_path / "run", tiny_images, processes, schedule={"16": step}, report_every=1000))
    stopped = fork(forked.stage, "train", *RUN)
    assert stopped.stdout.readline().startswith("on ")
    (os.kill if to_one else os.killpg)(stopped.pid, signal.SIGINT)
    _, errors = stopped.communicate()
    own = [line for line in errors.splitlines() if not line.startswith("[rank")]  # torch warns of its own accord
    assert own == ["interrupted: run again to go on; what was finished is kept"]
    assert stopped.returncode == 130


@pytest.mark.slow
def test_after_a_killed_process_the_training_ends_with_a_sentence(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch, fork: Fork
) -> None:
    folder = prepare(tmp_path / "run", tiny_images, 2)
    (folder / "sitecustomize.py").write_text(KILLED.format(3))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")
    ended = fork(forked.stage, "train", *RUN)
    _, errors = ended.communicate()
    assert ended.returncode == 1
    assert errors.splitlines()[-1].startswith(
        "error: pipeline.one_training demo_xrays dpa 0: one of 2 processes was killed, most likely for want of"
    )


def test_statistics_from_a_file_are_used_as_they_are(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"expand1": (torch.zeros(96), torch.full((96,), 3.0))}, tmp_path / "published.pt")
    monkeypatch.chdir(prepare(tmp_path / "run", tiny_images, statistics=str(tmp_path / "published.pt")))
    stage.main("demo_xrays", "dpa", "0")
    model = torch.load("data/models/demo_xrays/dpa/seed-0/model.pt", weights_only=True)
    for resolution in (8, 16):
        assert (model["statistics"][resolution]["expand1"]["std"] == 3).all()


def test_without_a_perceptual_loss_no_layer_is_measured(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prepare(tmp_path / "run", tiny_images, loss={"perceptual": 0.0, "l1": 1.0, "adversarial": 0.0}))
    stage.main("demo_xrays", "dpa", "0")
    model = torch.load("data/models/demo_xrays/dpa/seed-0/model.pt", weights_only=True)
    assert model["statistics"] == {}
