"""One trial: a setting, trained and scored fold by fold, in a process of its own."""

import io
import multiprocessing
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from pipeline.compute.device import Workplace, device_of_worker
from pipeline.data.images import read_images
from pipeline.detectors.registry import build
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.evaluation.scores import scored
from pipeline.layout import FEATURES
from pipeline.params.compute import Compute
from pipeline.tuning.criteria import judge
from pipeline.tuning.folds import Fold
from pipeline.tuning.outcomes import Folds, Outcome


@dataclass(frozen=True)
class Trial:
    """What a process needs to run a trial.

    Attributes:
        number: The trial's.
        images: The folder of its prepared images.
        detector: The detector's name.
        settings: The detector's.
        folds: What it is trained on and judged by.
        known: Which images are the known anomalies, bool (N,); None for tests, which nothing is chosen by.
        compute: Where to compute.
        scratch: Folder for the state of unfinished trainings.
        earlier: Mean ROC AUC after each fold of the trials that this one may be pruned by.
    """

    number: int
    images: Path
    detector: str
    settings: DetectorSettings
    folds: Sequence[Fold]
    known: np.ndarray | None
    compute: Compute
    scratch: Path
    earlier: Sequence[Sequence[float]]


def run_trial(trial: Trial) -> Outcome:
    """Train and score fold by fold; stop where earlier trials say that it is hopeless.

    Returns:
        The outcome; of each fold ``scores`` of the judged images, six significant digits; ``iterations`` of the
        network that was kept; and where there are known anomalies the figures ``roc_auc``, ``loss`` and ``aucp``.
        A training that fails, as one that diverges, is no error: its trial has failed.
    """
    folds: Folds = []
    try:
        for number, fold in enumerate(trial.folds):
            folds.append(_run_fold(trial, fold, trial.scratch / f"fold-{number}"))
            areas = [judged["roc_auc"] for judged in folds if "roc_auc" in judged]
            if areas and trial.earlier and is_hopeless(areas, trial.earlier):
                break
    except PipelineError as error:
        return Outcome(folds, str(error))
    return Outcome(folds)


def is_hopeless(areas: Sequence[float], earlier: Sequence[Sequence[float]]) -> bool:
    """Whether Optuna's median rule gives a trial up.

    Args:
        areas: ROC AUC of its folds so far.
        earlier: Of whole trials, the mean ROC AUC after each fold.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner())
    study.add_trials(
        [optuna.trial.create_trial(value=means[-1], intermediate_values=dict(enumerate(means))) for means in earlier]
    )
    trial = study.ask()
    for number in range(len(areas)):
        trial.report(float(np.mean(areas[: number + 1])), number)
    return trial.should_prune()


def _run_fold(trial: Trial, fold: Fold, scratch: Path) -> dict[str, Any]:
    images = read_images(trial.images)
    # One thread each, whatever their number: sums depend on it.
    compute = trial.compute.model_copy(update={"threads": 1, "processes": 1})
    worker = multiprocessing.current_process()._identity
    device = device_of_worker(compute, worker[0] if worker else 0)
    place = Workplace(device, int(compute.memory * 2**30), compute.compile, features=FEATURES)
    detector = build(trial.detector, trial.settings, images.pixels.shape[3], place, images.preparation)
    with redirect_stdout(io.StringIO()):  # many speak at once; the search says how each trial went
        history = detector.fit(images.pixels, fold.train, fold.held_out, fold.seed, scratch)
    scores = scored(detector.score, images, fold.judged)
    outcome: dict[str, Any] = {"scores": scores.tolist(), "iterations": history.iterations}
    if trial.known is not None:
        labels = images.index["label"].to_numpy()[fold.judged]
        held_out = scored(detector.score, images, fold.held_out)
        outcome |= judge(labels, trial.known[fold.judged], scores, held_out)._asdict()
    return outcome
