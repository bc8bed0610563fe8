"""Figure 5 of the paper: what would have been chosen with fewer anomalies of fewer kinds, from stored scores alone."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from pipeline.compute.seeding import generator
from pipeline.evaluation.bootstrap import Interval, Resamples
from pipeline.evaluation.estimates import estimate, roc_auc_figures
from pipeline.params.evaluate import ComputeMetrics
from pipeline.params.tune import FewAnomalies

ALL = "all"
ATTEMPTS = 50  # at kinds that hold enough anomalies
COLUMNS = ["kinds", "anomalies", "draws", "mean", "std", "lowest", "highest"]


def whole_trials(scores: pd.DataFrame) -> list[int]:
    """The trials that were not pruned: those that every image has a score of."""
    columns = [column for column in scores if str(column).startswith("trial_") and scores[column].notna().all()]
    return sorted(int(str(column).removeprefix("trial_")) for column in columns)


def test_areas(scores: pd.DataFrame) -> dict[int, float]:
    """The ROC AUC of each whole trial on the test split."""
    test = scores[scores["fold"] == "test"]
    return {trial: float(roc_auc_score(test["label"], test[f"trial_{trial}"])) for trial in whole_trials(scores)}


def test_interval(scores: pd.DataFrame, trial: int, settings: ComputeMetrics) -> Interval | None:
    """The 95 % interval of a trial's test ROC AUC over patients or slides."""
    test = scores[scores["fold"] == "test"]
    labels = test["label"].to_numpy()
    resamples = Resamples(labels, test["group"].to_numpy(), settings.resamples, settings.seed)
    areas = roc_auc_figures(labels, test[f"trial_{trial}"].to_numpy()[None], resamples)
    return estimate(areas, resamples).interval


def placements(scores: pd.DataFrame) -> pd.DataFrame:
    """The share of its fold's normals that each anomaly is above; their mean is the ROC AUC of these anomalies.

    Args:
        scores: The table of :func:`pipeline.tuning.tables.score_table`.

    Returns:
        ``fold``, ``id``, ``kind`` and one column per whole trial, named by its number; normals that score
        the same count half.
    """
    parts = []
    for fold, images in scores[scores["fold"] != "test"].groupby("fold"):
        abnormal = (images["label"] == 1).to_numpy()
        part = images.loc[abnormal, ["id", "kind"]].assign(fold=fold)
        for trial in whole_trials(scores):
            values = images[f"trial_{trial}"].to_numpy()
            normals, anomalies = np.sort(values[~abnormal]), values[abnormal]
            below, up_to = (np.searchsorted(normals, anomalies, side) for side in ("left", "right"))
            part[trial] = (below + up_to) / 2 / len(normals)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def few_anomalies(scores: pd.DataFrame, settings: FewAnomalies, seed: int) -> pd.DataFrame:
    """Repeat the choice with some of the anomalies, several times.

    Args:
        scores: The table of :func:`pipeline.tuning.tables.score_table`.
        settings: How many anomalies of how many kinds, how often drawn.
        seed: Of the draws.

    Returns:
        One row per number of kinds and of anomalies: the number of ``draws`` that found as many anomalies, and of the
        test ROC AUC of what they chose ``mean``, ``std``, ``lowest`` and ``highest``. ``all`` stands for all of them.
    """
    placed, tested = placements(scores), test_areas(scores)
    pool = placed.drop_duplicates("id")[["id", "kind"]].sort_values("id")
    known_kinds = sorted(pool["kind"].unique())
    rows = []
    counts: list[int | str] = [*(n for n in settings.kinds if n < len(known_kinds)), ALL]
    numbers: list[int | str] = [*settings.numbers, ALL]
    for count in counts:
        for number in numbers:
            draws = range(1 if (count, number) == (ALL, ALL) else settings.draws)
            chosen = [
                tested[_choice(placed, ids)]
                for draw in draws
                for ids in _drawn(pool, known_kinds, count, number, seed, draw)
            ]
            if chosen:
                std = float(np.std(chosen, ddof=1)) if len(chosen) > 1 else 0.0
                rows.append([count, number, len(chosen), float(np.mean(chosen)), std, min(chosen), max(chosen)])
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"kinds": str, "anomalies": str}).round(6)


def _drawn(
    pool: pd.DataFrame, kinds: list[str], count: int | str, number: int | str, seed: int, draw: int
) -> Iterator[list[str]]:
    """Draw kinds that hold enough anomalies, then these, of each kind at least one; yield nothing where none do."""
    random = generator(seed, "few anomalies", str(count), str(number), str(draw))
    for _ in range(ATTEMPTS):
        of_kinds = kinds if isinstance(count, str) else random.choice(kinds, count, replace=False)
        chosen = pool[pool["kind"].isin(of_kinds)]
        if isinstance(number, str):
            yield chosen["id"].tolist()
            return
        ids = chosen["id"].to_numpy()[random.permutation(len(chosen))]
        if isinstance(count, int):  # one of each kind first
            first = ~pool.set_index("id").loc[ids, "kind"].duplicated().to_numpy()
            ids = np.concatenate([ids[first], ids[~first]])
        if number <= len(ids) and (isinstance(count, str) or count <= number):
            yield ids[:number].tolist()
            return


def _choice(placed: pd.DataFrame, ids: list[str]) -> int:
    """The trial with the highest mean ROC AUC over the folds that hold some of these anomalies; of equals the first."""
    trials = [column for column in placed if isinstance(column, int)]
    means = placed[placed["id"].isin(ids)].groupby("fold")[trials].mean().mean()
    return trials[int(means.to_numpy().argmax())]


def best_and_worst(tested: Mapping[int, float]) -> tuple[float, float]:
    """The highest and the lowest test ROC AUC that the space holds."""
    return max(tested.values()), min(tested.values())
