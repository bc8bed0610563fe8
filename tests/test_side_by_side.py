"""Trainings side by side, in real processes."""

import os
import re
from pathlib import Path

import pytest

from pipeline.compute.workers import SCHEDULER
from pipeline.data.images import Images
from pipeline.errors import PipelineError
from pipeline.layout import training_log
from pipeline.one_training import Training
from pipeline.side_by_side import DEVICES, alone, compute_all
from tests.dask_cluster import Cluster
from tests.detectors.test_stages import prepare
from tests.import_closure import ROOT

WELL, BAD = Training("demo_xrays", "dpa", 0), Training("demo_slides", "dpa", 0)  # the latter is not prepared
SAYS_WHAT_IT_SEES = f"import os; print('sees', os.environ.get({DEVICES!r}))"


@pytest.mark.slow
def test_each_has_a_gpu_in_turn_and_one_that_fails_leaves_the_others_alone(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = prepare(tmp_path / "arms", tiny_images)
    (folder / "sitecustomize.py").write_text(SAYS_WHAT_IT_SEES)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    ended = dict(compute_all([BAD, WELL], 2, "56"))
    assert ended[WELL] == "demo_xrays/dpa/seed-0: 12 iterations"
    assert WELL.is_finished()
    assert isinstance(ended[BAD], PipelineError)
    assert str(ended[BAD]).startswith("data/prepared/demo_slides is missing: run `dvc repro`")
    begun = re.findall(r"(\S+): begins on GPU (\d), and says more in (\S+)", capsys.readouterr().out)
    assert {run for run, _, _ in begun} == {WELL.run, BAD.run}
    assert {gpu for _, gpu, _ in begun} == {"5", "6"}
    for _, gpu, log in begun:
        assert (folder / log).read_text(encoding="utf-8").splitlines()[0] == f"sees {gpu}"


@pytest.mark.slow
def test_workers_of_a_cluster_that_declare_a_gpu_take_them(
    tmp_path: Path, tiny_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    folder = prepare(tmp_path / "arms", tiny_images)
    (folder / "sitecustomize.py").write_text(SAYS_WHAT_IT_SEES)
    monkeypatch.chdir(folder)
    cluster = Cluster(tmp_path)
    monkeypatch.setenv(SCHEDULER, cluster.address)
    try:
        cluster.add_worker()
        seen = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", DEVICES: "7"}
        cluster.add_worker("--resources", "GPU=1", **seen)
        with distributed.Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(2, 60)
        ended = dict(compute_all([BAD, WELL], 2, []))
    finally:
        cluster.stop()
    assert ended[WELL] == "demo_xrays/dpa/seed-0: 12 iterations"
    assert str(ended[BAD]).startswith("data/prepared/demo_slides is missing: run `dvc repro`")
    assert [training_log(training.run).read_text("utf-8").splitlines()[0] for training in ended] == ["sees 7"] * 2


def test_two_of_them_do_not_compute_the_same(in_folder: Path) -> None:
    with alone(), pytest.raises(PipelineError, match="by another `make train`: wait for it"):
        next(compute_all([BAD], 1, []))
    with alone():
        pass
