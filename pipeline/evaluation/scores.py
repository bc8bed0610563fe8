"""The table of scores, from which every figure is derived without the model or the images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import layout
from pipeline.compute.portions import portions
from pipeline.data.images import SPLITS, Images
from pipeline.detectors.base import Scorer
from pipeline.errors import PipelineError
from pipeline.files import parse_csv

FACTS = ["group", "source", "split", "label", "findings"]
SCORE = "score"  # the detector's own; every further column is something that it is compared with
LARGEST = 1e100  # no error of a reconstruction is; the width of a histogram has to be a number, too
DIGITS = 6  # significant; the digits behind are rounding noise of the device

Reader = Callable[[str], str | None]  # path in the repository to the file's text, None where there is no file


@dataclass(frozen=True)
class ArmScores:
    """What the runs of an arm's detector made of the same images.

    Attributes:
        images: One row per image, sorted by ``id``: ``id``, ``group`` (slide or patient), ``source`` (the slide's or
            X-ray's file), ``split`` (val or test), ``label`` and ``findings``.
        scores: The detector (``score``) and each baseline to float64 (seeds, images), higher is more abnormal.
    """

    images: pd.DataFrame
    scores: Mapping[str, np.ndarray]

    def part(self, chosen: np.ndarray) -> "ArmScores":
        """Return the scores of some images, chosen by bool (images,)."""
        scores = {name: values[:, chosen] for name, values in self.scores.items()}
        return ArmScores(self.images[chosen].reset_index(drop=True), scores)

    def test(self) -> "ArmScores":
        """Return the scores of the test split."""
        return self.part((self.images["split"] == "test").to_numpy())

    @property
    def baselines(self) -> list[str]:
        """What the detector is compared with, in the order of the columns."""
        return [name for name in self.scores if name != SCORE]

    @property
    def labels(self) -> np.ndarray:
        """0 normal, 1 abnormal; int64 (images,)."""
        return self.images["label"].to_numpy()

    @property
    def sources(self) -> np.ndarray:
        """The file of each image: str (images,)."""
        return self.images["source"].to_numpy()

    @property
    def ids(self) -> np.ndarray:
        """Of each image; str (images,)."""
        return self.images["id"].to_numpy()

    @property
    def groups(self) -> np.ndarray:
        """The slide or patient of each image; str (images,)."""
        return self.images["group"].to_numpy()


def score_table(images: Images, run: str, scorers: Mapping[str, Scorer]) -> pd.DataFrame:
    """Score the validation and test images of an arm.

    Args:
        images: The prepared arm.
        run: The run's name.
        scorers: Column to what fills it: ``score``, and each baseline's.

    Returns:
        ``run``, ``id``, the columns :data:`FACTS` and those of the scorers in their order, scores rounded to six
        significant digits, sorted by split and id.

    Raises:
        PipelineError: If a score is NaN or infinite, naming the image.
    """
    rows = np.concatenate([images.rows("test"), images.rows("val")])
    table = images.index.iloc[rows][["id", *FACTS]].assign(run=run)
    for name, scorer in scorers.items():
        values = scored(scorer, images, rows)
        broken = table.loc[~np.isfinite(values), "id"]
        if len(broken):
            raise PipelineError(
                f"{name} of image {broken.iloc[0]!r} is not a finite number ({len(broken)} such images); train again"
            )
        table[name] = values
    return table[["run", "id", *FACTS, *scorers]].sort_values(["split", "id"]).reset_index(drop=True)


def scored(scorer: Scorer, images: Images, rows: np.ndarray) -> np.ndarray:
    """Score some rows of an arm: float64 (n,), as scores are kept, with six significant digits."""
    parts = [rounded(scorer(images.pixels[portion])) for portion in portions(images.pixels, rows)]
    return np.concatenate(parts) if parts else np.empty(0)


def rounded(scores: np.ndarray) -> np.ndarray:
    """Return scores (n,) as they are kept, with six significant digits: float64 (n,)."""
    return np.array([float(f"{score:.{DIGITS}g}") for score in scores], np.float64)


def read_local(path: str) -> str | None:
    """Read a file of the working tree; None where there is none."""
    return Path(path).read_text(encoding="utf-8") if Path(path).is_file() else None


def read_arm_scores(
    arm: str,
    detector: str,
    seeds: Sequence[int],
    read: Reader = read_local,
    scorers: Sequence[str] | None = None,
    folder: Path = layout.SCORES,
) -> ArmScores:
    """Read the scores of all runs of an arm's detector and check that they belong together.

    Args:
        detector: The detector.
        seeds: Its seeds.
        read: Reads a file of the repository, of the working tree or of another revision.
        scorers: The columns that are wanted; None for all that there are.
        folder: Where the scores are.

    Returns:
        The scores; nothing in them depends on the order of rows in the files.

    Raises:
        PipelineError: If a file is missing, is another run's, lacks a column, holds a value that cannot be, or is about
            other images than the first.
    """
    runs = [layout.run_name(arm, detector, seed) for seed in seeds]
    files = [str(folder / f"{run}.csv") for run in runs]
    stages = f"evaluate@{arm}-{detector}-{{}}`, or fit_and_score@{arm}-{detector} if it is one of quick_detectors"
    made = read is read_local and folder == layout.SCORES
    command = f"run `dvc repro -f {stages}" if made else "it was committed so"
    again = [command.format(seed) for seed in seeds]
    tables = [_read_scores(run, file, read, scorers, of) for run, file, of in zip(runs, files, again, strict=True)]
    for name in dict.fromkeys(name for table in tables for name in scorers_of(table)):
        for table, file, advice in zip(tables, files, again, strict=True):
            if name not in table:
                raise PipelineError(f"{file}: the column {name!r} is missing: {advice}")
    return join_runs(tables, files)


def scorers_of(table: pd.DataFrame) -> list[str]:
    """The columns of a table of scores that hold scores."""
    return [str(column) for column in table if column not in ("run", "id", *FACTS)]


def _read_scores(run: str, where: str, read: Reader, scorers: Sequence[str] | None, again: str) -> pd.DataFrame:
    try:
        text = read(where)
    except UnicodeDecodeError as error:
        raise PipelineError(f"{where} is damaged, it is no text: {again}") from error
    if text is None:
        raise PipelineError(f"{where} is missing: {again}")
    header = text.partition("\n")[0].rstrip("\r").split(",")
    table = parse_csv(text, where, ["run", "id", *FACTS, *(scorers or [SCORE])], header, again)
    _check_facts(table, run, where, again)
    for name in scorers or scorers_of(table):
        values = pd.to_numeric(table[name], errors="coerce")
        broken = table.loc[~(values.abs() < LARGEST), "id"]
        if len(broken):
            raise PipelineError(f"{where}: {name} of {broken.iloc[0]!r} is not a finite number: {again}")
        table[name] = values.astype(np.float64)
    columns = ["id", *FACTS, *(scorers or scorers_of(table))]
    return table[columns].sort_values("id").reset_index(drop=True)


def _check_facts(table: pd.DataFrame, run: str, where: str, again: str) -> None:
    if table.empty:
        raise PipelineError(f"{where} holds no scores: {again}")
    strange = table.loc[table["run"] != run, "run"]
    if len(strange):
        raise PipelineError(f"{where} holds scores of {strange.iloc[0]!r}, not of {run!r}: {again}")
    twice = table.loc[table["id"].duplicated(), "id"]
    if len(twice):
        raise PipelineError(f"{where}: the id {twice.iloc[0]!r} stands in more than one row: {again}")
    for column, allowed in (("split", SPLITS[1:]), ("label", ("0", "1"))):
        wrong = table[~table[column].isin(allowed)]
        if len(wrong):
            value, name = wrong[column].iloc[0], wrong["id"].iloc[0]
            raise PipelineError(f"{where}: {column} {value!r} of {name!r} is not one of {', '.join(allowed)}: {again}")
    table["label"] = table["label"].astype(np.int64)


def join_runs(tables: Sequence[pd.DataFrame], where: Sequence[str]) -> ArmScores:
    """Put the runs of an arm's detector beside each other.

    Args:
        tables: Of one run each, as :func:`score_table` makes them, all in the same order of rows.
        where: Their names in errors.

    Raises:
        PipelineError: If they are not about the same images.
    """
    facts = tables[0][["id", *FACTS]]
    for table, name in zip(tables[1:], where[1:], strict=True):
        other = table[["id", *FACTS]]
        if not other.equals(facts):
            odd = pd.concat([facts, other]).drop_duplicates(keep=False)["id"].min()
            raise PipelineError(
                f"{name} and {where[0]} do not agree on the image {odd!r}: run `dvc repro`, which scores the same "
                "images with every seed"
            )
    scorers = scorers_of(tables[0])
    return ArmScores(facts, {name: np.stack([table[name].to_numpy() for table in tables]) for name in scorers})
