"""A first look: how well each quick detector tells an arm's anomalies from normals that it was not fitted to.

The training normals are divided into folds, patients or slides whole. A detector is fitted to all folds but one, and
every normal of that one is compared with every validation anomaly; test images are not read. Where there are no
validation anomalies, some are made (:mod:`pipeline.tuning.made_anomalies`).
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
import pandas as pd

from pipeline.arms import Arm
from pipeline.compute.device import Workplace
from pipeline.compute.seeding import generator
from pipeline.data.images import Images
from pipeline.detectors.base import Detector
from pipeline.detectors.fitting import training_rows
from pipeline.detectors.registry import BASELINES, UNSIGNED, build, settings_of
from pipeline.detectors.settings import DetectorSettings
from pipeline.errors import PipelineError
from pipeline.evaluation.bootstrap import Resamples
from pipeline.evaluation.estimates import Figures, figures
from pipeline.evaluation.metrics import Curve
from pipeline.evaluation.scores import scored
from pipeline.params.evaluate import ComputeMetrics
from pipeline.tuning.folds import deal
from pipeline.tuning.made_anomalies import WithMade
from pipeline.tuning.quick import on_features

FOLDS = 3
SEED = 0


@dataclass(frozen=True)
class Looked:
    """What became of one detector.

    Attributes:
        detector: Its name.
        area: ROC AUC; None where it failed.
        size: Bytes of its model.
        reason: Why it failed; empty if it did not.
    """

    detector: str
    area: Figures | None
    size: int = 0
    reason: str = ""


@dataclass(frozen=True)
class FirstLook:
    """What a first look at an arm found.

    Attributes:
        looked: Its detectors, the best first, those that failed last.
        resamples: What the areas were resampled by.
        normals: Number of training normals.
        anomalies: Number of anomalies that they were compared with.
        made: Whether these were made.
        unset: Detectors on features that the arm's file has no settings of, so that they were not looked at.
    """

    looked: Sequence[Looked]
    resamples: Resamples
    normals: int
    anomalies: int
    made: bool
    unset: Sequence[str]

    @property
    def areas(self) -> dict[str, Figures]:
        """Detector to its ROC AUC, of those that did not fail, the best first."""
        return {one.detector: one.area for one in self.looked if one.area}


@dataclass(frozen=True)
class Question:
    """What every detector is asked.

    Attributes:
        images: The arm's, with those that were made behind them.
        train: For each fold, the rows that are learnt from.
        held_out: The validation normals, for early stopping where a detector has it.
        rows: What is judged by some fold, int64 (n,).
        labels: 0 normal, 1 abnormal, of these.
        judged: Which of them each fold judges, bool (folds, n).
        groups: The patient or slide of each, str (n,).
    """

    images: Images
    train: Sequence[np.ndarray]
    held_out: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    judged: np.ndarray
    groups: np.ndarray


def first_look(arm: Arm, images: Images, place: Workplace, settings: ComputeMetrics) -> FirstLook:
    """Fit and judge every quick detector that the arm's file has settings of, and the baselines.

    Args:
        arm: The arm.
        images: Its prepared images, of which only training and validation are read.
        place: Where to compute.
        settings: Of the bootstrap.

    Raises:
        PipelineError: If there are fewer patients or slides than folds, the images show nothing, or no detector could
            be fitted.
    """
    known = {name: arm.detector(name) for name in on_features() if name in arm.shared.detectors}
    side = min([own.resolution for own in known.values() if own.resolution], default=None)
    baselines = {name: settings_of(name, {"side": side}) for name in BASELINES}
    asked = question(images, side, arm.name)
    resamples = Resamples(asked.labels, asked.groups, settings.resamples, settings.seed)
    looked = []
    for name, own in {**known, **baselines}.items():
        print(f"{arm.name}: looking at {name}", file=sys.stderr, flush=True)
        looked.append(_looked(arm, name, own, asked, place, resamples))
    if not any(one.area for one in looked if one.detector not in BASELINES):
        reasons = "; ".join(f"{one.detector}: {one.reason}" for one in looked if one.reason)
        raise PipelineError(
            f"no detector could be fitted to {arm.name}: {reasons or 'its file has settings of none on features'}"
        )
    return FirstLook(
        sorted(looked, key=_rank),
        resamples,
        int((asked.labels == 0).sum()),
        int(asked.labels.sum()),
        not len(images.rows("val", label=1)),
        [name for name in on_features() if name not in known],
    )


def question(images: Images, side: int | None, arm: str) -> Question:
    """Divide the training normals, and find or make the anomalies that they are compared with.

    Args:
        images: The prepared arm.
        side: Of the smallest central square that a detector sees, in pixels; None for whole images.
        arm: The arm, to be named in errors.

    Raises:
        PipelineError: If there are fewer patients or slides than folds, or the images show nothing.
    """
    normals, anomalies = training_rows(images), images.rows("val", label=1)
    _check_differ(images.pixels, np.concatenate([normals, anomalies]), arm)
    groups = images.index["group"].iloc[normals]
    if groups.nunique() < FOLDS:
        raise PipelineError(
            f"the training normals of {arm} are of {groups.nunique()} patients or slides, fewer than the {FOLDS} folds "
            "of a first look: add more"
        )
    fold = deal(groups, FOLDS, SEED, "folds of a first look")
    mine = np.arange(FOLDS)[:, None] == fold
    if len(anomalies):
        judged = np.concatenate([mine, np.ones((FOLDS, len(anomalies)), bool)], axis=1)
    else:
        others = _others(images.index, normals, fold)
        whole = side or min(images.pixels.shape[1:3])
        made = WithMade(images.pixels, others, images.index["id"].to_numpy(str), whole, SEED)
        index = pd.concat([images.index, images.index], ignore_index=True)
        anomalies, judged = normals + len(images.index), np.concatenate([mine, mine], axis=1)
        images = Images(cast(np.ndarray, made), index, images.preparation)
    rows = np.concatenate([normals, anomalies])
    return Question(
        images,
        [normals[fold != number] for number in range(FOLDS)],
        images.rows("val", label=0),
        rows,
        np.repeat([0, 1], [len(normals), len(anomalies)]),
        judged,
        images.index["group"].to_numpy(str)[rows],
    )


def _check_differ(pixels: np.ndarray, rows: np.ndarray, arm: str) -> None:
    """Check that not all pixels have one value, to which detectors can be fitted and of which figures can be made."""
    value = pixels[rows[0]].flat[0] if len(rows) else 0
    if len(rows) and all((pixels[row] == value).all() for row in rows):
        raise PipelineError(
            f"the images of {arm} show nothing, all pixels of the {len(rows)} that a first look reads are {value}: "
            "check the files and how they are prepared"
        )


def pair_area(labels: np.ndarray, scores: np.ndarray, judged: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The chance that an anomaly scores higher than a normal, over all pairs that some fold judges.

    Args:
        labels: (n,), 0 normal, 1 abnormal.
        scores: Of each fold's model, (folds, n).
        judged: Which of them count, bool (folds, n).
        weights: (B, n), how often each image counts.

    Returns:
        (B, 1).
    """
    above, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for of_fold, those in zip(scores, judged, strict=True):
        curve = Curve(labels[those], of_fold[those], weights[:, those])
        above += np.trapezoid(curve.tp, curve.fp, axis=1)
        pairs += (curve.abnormal * curve.normal)[:, 0]
    return (above / pairs)[:, None]


def _looked(
    arm: Arm, name: str, own: DetectorSettings, asked: Question, place: Workplace, resamples: Resamples
) -> Looked:
    try:
        arm.check_files(name)
        detector = build(name, own, asked.images.pixels.shape[3], place, asked.images.preparation)
        scores = _scores(detector, name, asked)
    except PipelineError as error:
        return Looked(name, None, reason=str(error))
    area = figures(lambda weights: pair_area(asked.labels, scores, asked.judged, weights), resamples)
    if name in UNSIGNED and area.seeds.mean() < 1 / 2:
        area = area.turned()
    return Looked(name, area, _size(detector))


def _scores(detector: Detector, name: str, asked: Question) -> np.ndarray:
    """Fit to each fold, and score what it judges: (folds, n), 0 elsewhere."""
    scores = np.zeros(asked.judged.shape)
    for number, (train, those) in enumerate(zip(asked.train, asked.judged, strict=True)):
        detector.fit(asked.images.pixels, train, asked.held_out, SEED + number)
        scores[number, those] = scored(detector.score, asked.images, asked.rows[those])
    if not np.isfinite(scores).all():
        raise PipelineError(f"{name} gives scores that are not finite numbers")
    return scores


def _size(detector: Detector) -> int:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        detector.save(path)
        return path.stat().st_size


def _others(index: pd.DataFrame, normals: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The image that each takes its patch from, drawn from the other patients or slides of its fold; int64 (N,)."""
    others, groups = np.arange(len(index)), pd.factorize(index["group"])[0]
    for number in range(FOLDS):
        mine = normals[fold == number]
        for row in mine:
            foreign = mine[groups[mine] != groups[row]]
            draws = generator(SEED, "foreign image", index["id"].iloc[row])
            others[row] = draws.choice(foreign if len(foreign) else mine)
    return others


def _rank(looked: Looked) -> tuple[bool, float, str]:
    return looked.area is None, -float(looked.area.seeds.mean()) if looked.area else 0.0, looked.detector
