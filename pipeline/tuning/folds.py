"""Which images each training of a search learns from, and which it is judged by (paper §IV-A3, §V)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from pipeline.compute.seeding import generator
from pipeline.errors import PipelineError
from pipeline.layout import arm_file
from pipeline.params.tune import Tune

HELD_OUT = 5  # one of so many training groups is held out for early stopping: the paper's 20 %


@dataclass(frozen=True)
class Fold:
    """The rows of one training; int64.

    Attributes:
        train: Normals to learn from.
        held_out: Normals for early stopping.
        judged: Normals and anomalies to be scored.
        seed: Of the training.
    """

    train: np.ndarray
    held_out: np.ndarray
    judged: np.ndarray
    seed: int


def kinds(index: pd.DataFrame, whole: str | None) -> np.ndarray:
    """The kind of each image's anomaly (paper, figure 5): its findings, or its slide; empty for normals.

    Args:
        index: Of the array contract.
        whole: What images are parts of, see :class:`pipeline.data.kinds.KindSettings`.

    Returns:
        str (N,).
    """
    names = index["source"].map(lambda path: PurePosixPath(path).stem) if whole else index["findings"]
    return names.where(index["label"] == 1, "").to_numpy(str)


def known_anomalies(index: pd.DataFrame, of_kind: np.ndarray, settings: Tune, arm: str) -> np.ndarray:
    """Which images are the anomalies that may choose: bool (N,).

    Raises:
        PipelineError: If there are none of a named kind among the validation images.
    """
    held_out = ((index["split"] == "val") & (index["label"] == 1)).to_numpy()
    there = set(of_kind[held_out])
    for name in settings.anomalies:
        if name not in there:
            raise PipelineError(
                f"{arm_file(arm)}: tune.anomalies names {name!r}, but the validation anomalies are of "
                f"{', '.join(sorted(there)) or 'no kind, since there are none'}"
            )
    return held_out & np.isin(of_kind, settings.anomalies)


def make_folds(index: pd.DataFrame, known: np.ndarray, settings: Tune, arm: str) -> list[Fold]:
    """Divide the training and validation images, whole patients or slides at a time.

    Each fold is judged by its own normals and anomalies, and trained on the normals of the others. Without
    ``cross_validate`` all folds are trained on the training split and judged by the validation split, with seeds of
    their own: the paper's way with the NIH subset.

    Args:
        index: Of the array contract.
        known: Which images are the anomalies that may choose, bool (N,).
        settings: Of the search.
        arm: The arm, to name keys in errors.

    Raises:
        PipelineError: If there are fewer groups than folds.
    """
    learnt_from = index["split"] != "test"
    part = _cross_validated(index, known, settings, arm) if settings.cross_validate else None
    folds = []
    for number in range(settings.folds):
        if part is None:
            judged = (index["split"] == "val").to_numpy()
            others = (index["split"] == "train").to_numpy()
        else:
            judged = learnt_from.to_numpy() & (part == number)
            others = learnt_from.to_numpy() & (part != number)
        normals = np.flatnonzero(others & (index["label"] == 0).to_numpy())
        held_out = deal(index["group"].iloc[normals], HELD_OUT, settings.seed, f"held out of fold {number}") == 0
        seed = settings.seed + number
        folds.append(Fold(normals[~held_out], normals[held_out], np.flatnonzero(judged), seed))
    check_folds(index, known, folds, arm)
    return folds


def final_fold(index: pd.DataFrame, seed: int) -> Fold:
    """What a chosen setting is trained on and tested by: the training split, and the test split."""
    normals = (index["label"] == 0).to_numpy()
    train, held_out, test = ((index["split"] == split).to_numpy() for split in ("train", "val", "test"))
    return Fold(np.flatnonzero(train & normals), np.flatnonzero(held_out & normals), np.flatnonzero(test), seed)


def deal(groups: pd.Series, parts: int, seed: int, name: str) -> np.ndarray:
    """Deal groups out like cards, in an order drawn for each by its name: int64 (N,), the part of each row's group."""
    drawn = sorted(groups.unique(), key=lambda group: (generator(seed, name, group).random(), group))
    return groups.map({group: card % parts for card, group in enumerate(drawn)}).to_numpy(np.int64)


def _cross_validated(index: pd.DataFrame, known: np.ndarray, settings: Tune, arm: str) -> np.ndarray:
    """The fold of each image's group; groups with known anomalies, with others and with none are dealt apart."""
    anomalous = index["label"] == 1
    has_known, has_other = (index["group"].isin(index.loc[rows, "group"]) for rows in (known, anomalous & ~known))
    usable = index["split"] != "test"
    part = np.full(len(index), -1)
    for number, (rows, what) in enumerate(
        ((has_known, "known anomalies"), (has_other & ~has_known, ""), (~has_known & ~has_other, "normal images only"))
    ):
        chosen = (rows & usable).to_numpy()
        groups = index.loc[chosen, "group"]
        if what and groups.nunique() < settings.folds:
            raise PipelineError(
                f"{arm} has {groups.nunique()} patients or slides with {what}, fewer than the {settings.folds} folds "
                f"of tune.folds: name more anomalies, lower folds, or hold out more (validation_share)"
            )
        part[chosen] = deal(groups, settings.folds, settings.seed, f"folds {number}")
    return part


def check_folds(index: pd.DataFrame, known: np.ndarray, folds: Sequence[Fold], arm: str) -> None:
    """Check that no fold sees a test image, that its parts share no group, and that it can be judged.

    Raises:
        PipelineError: Naming the fold and the image or group.
    """
    split, group, label = (index[name].to_numpy() for name in ("split", "group", "label"))
    for number, fold in enumerate(folds):
        parts = {"train": fold.train, "held_out": fold.held_out, "judged": fold.judged}
        for rows in parts.values():
            tested = rows[split[rows] == "test"]
            if len(tested):
                raise PipelineError(
                    f"fold {number} of {arm} holds the test image {index['id'].iloc[tested[0]]!r}: nothing is chosen "
                    "by test images"
                )
        seen: set[str] = set()
        for rows in parts.values():
            shared = seen & set(group[rows])
            if shared:
                raise PipelineError(f"fold {number} of {arm} has the group {min(shared)!r} on two sides")
            seen |= set(group[rows])
        normals, anomalies = (label[fold.judged] == 0).sum(), known[fold.judged].sum()
        if not (len(fold.train) and normals and anomalies):
            raise PipelineError(
                f"fold {number} of {arm} has {len(fold.train)} normals to train on, {normals} normals and {anomalies} "
                f"known anomalies to be judged by: each needs one at least; lower tune.folds of {arm_file(arm)} or "
                "hold out more"
            )
