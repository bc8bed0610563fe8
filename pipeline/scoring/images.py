"""Scoring image files: prepared by several processes, scored by one, a portion at a time."""

import hashlib
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compute.scratch import each_part, scratch_key
from pipeline.evaluation.scores import rounded
from pipeline.files import remove, write_picture
from pipeline.reporting.gallery import heat
from pipeline.scoring.inputs import Input
from pipeline.scoring.model import Model
from pipeline.scoring.prepare_job import PrepareJob
from pipeline.scoring.results import PARTS

AT_ONCE = 64  # images, as the chain shows them to a network
COLUMNS = ["name", "path", "md5", "status", "reason", "score", "percentile", "p", "q", "flagged", "appearance_p"]
STRANGE = 0.01  # p-value of the appearance below which a warning is given


def score_images(
    model: Model, inputs: Sequence[Input], alpha: float, maps: str, out: Path, workers: int
) -> pd.DataFrame:
    """Score files, and draw the anomaly maps of some.

    Args:
        model: The model.
        inputs: The files.
        alpha: The level at which images are flagged, which decides of which maps are drawn.
        maps: ``none``, ``flagged`` or ``all``.
        out: The folder of the results; pictures go to ``pictures``, what an interrupted run has finished to ``.parts``.
        workers: Processes; they change no byte.

    Returns:
        The columns of :data:`COLUMNS` but ``q``, in the order of the inputs; numbers are NaN where there is no score.
    """
    remove(out / "pictures")  # those of an earlier run may show a file as it was
    tables = []
    with closing(measured_images(model, inputs, out, workers)) as portions:
        for measured, images in portions:
            read = measured["looks"].notna()
            table = _placed(model, measured, alpha)
            chosen = {"none": read & False, "flagged": table["flagged"], "all": table["score"].notna()}[maps]
            _draw(model, table[read].assign(drawn=chosen[read]), images, out / "pictures")
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def measured_images(
    model: Model, inputs: Sequence[Input], out: Path, workers: int
) -> Generator[tuple[pd.DataFrame, np.ndarray]]:
    """Prepare and score files, a portion at a time.

    Args:
        model: The model.
        inputs: The files.
        out: The folder of the results; what an interrupted run has finished is in ``.parts``.
        workers: Processes; they change no byte.

    Yields:
        ``name``, ``path``, ``md5``, ``status``, ``reason``, ``score`` and ``looks`` (how unlike training normals it
        looks; NaN where the file could not be read), and the images of those files that could be.
    """
    portions = [list(inputs[start : start + AT_ONCE]) for start in range(0, len(inputs), AT_ONCE)]
    facts = [[(one.name, _state(one.path)) for one in portion] for portion in portions]
    items = [(scratch_key(model.checksum, known), portion) for known, portion in zip(facts, portions, strict=True)]
    parts = each_part(PrepareJob(model.preparation), items, out / PARTS, workers, "prepared", "images")
    with closing(parts):  # the processes end if scoring fails
        for portion, part in zip(portions, parts, strict=True):
            yield _measured(model, portion, part)


def _measured(model: Model, inputs: Sequence[Input], part: Path) -> tuple[pd.DataFrame, np.ndarray]:
    with np.load(part, allow_pickle=False) as content:
        images, reasons, checksums = content["images"], content["reasons"].tolist(), content["md5"].tolist()
    table = pd.DataFrame(
        {
            "name": [one.name for one in inputs],
            "path": [one.path.as_posix() for one in inputs],
            "md5": checksums,
            "status": ["failed" if reason else "ok" for reason in reasons],
            "reason": reasons,
        }
    )
    read = table["status"] == "ok"
    scores = np.full(len(table), np.nan)
    if read.any():
        scores[read] = rounded(model.detector.score(images))
    told = read & np.isfinite(scores)
    table.loc[read & ~told, ["status", "reason"]] = ["failed", "its score is not finite: is it blank?"]
    table["score"] = np.where(told, scores, np.nan)
    looks = np.full(len(table), np.nan)
    looks[read] = model.appearance.looks(images) if read.any() else []
    table["looks"] = looks
    return table, images


def _placed(model: Model, table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Say where scores and looks lie among those of normals."""
    known, told, read = model.calibration, table["score"].notna(), table["looks"].notna()
    scores, looks = table["score"].to_numpy(), table.pop("looks").to_numpy()
    table["percentile"] = np.where(told, known.percentiles(scores), np.nan)
    table["p"] = np.where(told, known.p_values(scores), np.nan)
    table["flagged"] = told & known.flagged(scores, alpha)
    table["appearance_p"] = np.where(read, model.appearance.distances.p_values(looks), np.nan)
    return table


def _draw(model: Model, table: pd.DataFrame, images: np.ndarray, folder: Path) -> None:
    """Draw each chosen image, its map and its reconstruction, if there are such; named after the image's name."""
    rows = np.flatnonzero(table["drawn"].to_numpy())
    if not len(rows):
        return
    maps = model.detector.anomaly_maps(images[rows]) if model.map_top else None
    reconstructions = model.detector.reconstructions(images[rows])
    for number, row in enumerate(rows):
        name = picture_name(table["name"].iloc[row])
        write_picture(folder / f"{name}.png", _shown(images[row]))
        if maps is not None and model.map_top:
            write_picture(folder / f"{name}.map.png", heat(maps[number], model.map_top))
        if reconstructions is not None:
            write_picture(folder / f"{name}.reconstruction.png", _shown(reconstructions[number]))


def picture_name(name: str) -> str:
    """Return what the pictures of an input are called."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _shown(image: np.ndarray) -> np.ndarray:
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def _state(path: Path) -> tuple[int, int]:
    """Size and time of change, by which a part is known to be of the same files."""
    try:
        status = path.stat()
    except OSError:
        return (-1, -1)
    return (status.st_size, status.st_mtime_ns)
