"""Compute trainings side by side, a GPU each where there are several; `dvc repro` then takes them over.

What trainings read is prepared first. Only what `dvc repro` would train is computed; killed, it goes on.
"""

import argparse
import logging
import subprocess
import sys
from collections.abc import Sequence

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage.cache import RunCacheNotFoundError
from dvc_data.hashfile.hash_info import HashInfo

from pipeline.arms import read_arm
from pipeline.compute.device import prepare_device
from pipeline.compute.workers import SCHEDULER, on_cluster
from pipeline.errors import PipelineError, words_of
from pipeline.layout import training_log
from pipeline.one_training import Training
from pipeline.params.file import Params, read_params
from pipeline.side_by_side import compute_all, visible_gpus


def main(words: Sequence[str]) -> int:
    """Compute what is due and print a line when each begins and ends.

    Returns:
        The exit status: 1 if one failed.

    Raises:
        PipelineError: If an arm is not trained, or several processes share one training and several jobs are wanted.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline train", description=__doc__)
    parser.add_argument("--jobs", type=int, help="so many at a time; without: as many as GPUs, or compute.trials")
    parser.add_argument("--arm", nargs="+", help="without: all that are trained")
    arguments = parser.parse_args(words)
    params = read_params()
    chosen = _chosen(arguments.arm, params)
    on_gpus = prepare_device(params.compute).type == "cuda" and params.compute.processes == 1
    gpus = visible_gpus() if on_gpus else []
    jobs = _jobs(arguments.jobs, len(gpus), params)
    _prepare(chosen)
    todo = due([Training(arm, name, seed) for arm in chosen for name in params.detectors for seed in params.seeds])
    unfinished = [training for training in todo if not training.is_finished()]
    if len(unfinished) < len(todo):
        print(f"{len(todo) - len(unfinished)} of {len(todo)} trainings were finished before", flush=True)
    failed = _compute(unfinished, jobs, gpus) if unfinished else 0
    if not todo:
        print("every training is up to date")
    elif not failed:
        print("all are finished: `dvc repro` takes them over in seconds")
    return int(failed > 0)


def due(trainings: Sequence[Training]) -> list[Training]:
    """Return those that ``dvc repro`` would compute: they changed, and DVC has no outputs of such a run.

    Raises:
        PipelineError: If DVC cannot be asked.
    """
    logging.getLogger("dvc").setLevel(logging.WARNING)  # else it says that it fetches what it only finds
    try:
        with Repo() as repo, repo.lock:
            return [training for training in trainings if _would_run(repo, training)]
    except DvcException as error:
        raise PipelineError(f"DVC cannot say what is to be trained: {words_of(error)}") from error


def _would_run(repo: Repo, training: Training) -> bool:
    (stage,) = repo.stage.collect(f"train@{training.arm}-{training.detector}-{training.seed}")
    if not stage.changed():
        return False
    if stage.changed_stage() or stage.changed_deps():  # in memory, as DVC does before such a run
        stage.save_deps()
        for out in stage.outs:
            out.hash_info = HashInfo()
    try:
        repo.stage_cache.restore(stage, dry=True)
    except RunCacheNotFoundError:
        return True
    return False


def _compute(trainings: Sequence[Training], jobs: int, gpus: Sequence[str]) -> int:
    """Return how many failed."""
    failed = 0
    for training, made in compute_all(trainings, jobs, gpus):
        if isinstance(made, PipelineError):
            failed += 1
            print(f"error: {training.run}: {made} (more in {training_log(training.run)})", file=sys.stderr, flush=True)
        else:
            print(made, flush=True)
    return failed


def _chosen(arms: Sequence[str] | None, params: Params) -> Sequence[str]:
    for arm in arms or ():
        if arm not in params.arms.train:
            raise PipelineError(
                f"params.yaml: {arm!r} is not in arms.train: add it, or choose from {', '.join(params.arms.train)}"
            )
    return [*dict.fromkeys(arms or params.arms.train)]


def _jobs(wanted: int | None, gpus: int, params: Params) -> int:
    if params.compute.processes > 1:
        if wanted not in (None, 1):
            raise PipelineError(
                f"params.yaml: compute.processes is {params.compute.processes}, so that one training takes as many "
                "GPUs: set it to 1, or train one after the other (JOBS=1)"
            )
        if on_cluster():
            raise PipelineError(
                f"params.yaml: compute.processes is {params.compute.processes}, and workers of a cluster take whole "
                f"trainings: set it to 1, or unset {SCHEDULER}"
            )
        return 1
    if wanted is not None and wanted < 1:
        raise PipelineError(f"--jobs is {wanted}: expected a whole number from 1 on")
    return wanted or gpus or params.compute.trials


def _prepare(arms: Sequence[str]) -> None:
    stages = [f"{read_arm(arm).data.prepared_by}@{arm}" for arm in arms]
    done = subprocess.run([sys.executable, "-m", "dvc", "repro", *stages], check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)
