"""Normals that the user names, of another scanner or site: they calibrate instead of those that the model knows."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, cast

import pandas as pd

from pipeline.compute.progress import progress_bar
from pipeline.compute.seeding import generator
from pipeline.data.slides.preparation import Preparation
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import calibration_of, drawn_rows
from pipeline.files import md5
from pipeline.scoring.images import measured_images
from pipeline.scoring.inputs import Input
from pipeline.scoring.model import Model
from pipeline.scoring.slide_tiles import Opening
from pipeline.scoring.slides import measured_slide, told_apart

COLUMNS = ["name", "path", "md5", "status", "reason", "score", "counts"]


@dataclass(frozen=True)
class Normals:
    """What was named.

    Attributes:
        inputs: The files.
        checksums: Of their contents, MD5 by path; those that cannot be read have none.
    """

    inputs: Sequence[Input]
    checksums: Mapping[Path, str]

    @classmethod
    def of(cls, inputs: Sequence[Input]) -> Self:
        """Read all files once, by whose content they are known.

        Raises:
            PipelineError: If one content is of two groups.
        """
        with progress_bar() as bar:
            task = bar.add_task("reading normals", total=len(inputs), note="")
            read = {one.path: _checksum(one.path) for one in bar.track(inputs, task_id=task)}
        checksums = {path: checksum for path, checksum in read.items() if checksum}
        first: dict[str, Input] = {}
        for one in inputs:
            other = first.setdefault(checksums.get(one.path, one.name), one)
            if other.group != one.group:
                raise PipelineError(
                    f"the normals {other.name} and {one.name} are the same image, but of the groups {other.group!r} "
                    f"and {one.group!r}: name it once"
                )
        return cls(inputs, checksums)

    @property
    def checksum(self) -> str:
        """Of all contents and which of them are of one group."""
        lines = sorted(f"{self.checksums.get(one.path, '')} {one.group}" for one in self.inputs)
        return hashlib.md5("\n".join(lines).encode(), usedforsecurity=False).hexdigest()

    def check_apart(self, inputs: Iterable[Input]) -> None:
        """Check that nothing is to be compared with itself, which would make it look usual.

        Raises:
            PipelineError: If an input has the content of a normal.
        """
        named = {self.checksums[one.path]: one for one in self.inputs if one.path in self.checksums}
        sizes = {one.path.stat().st_size for one in named.values()} - {0}
        for one in inputs:
            try:
                alike = named.get(_checksum(one.path)) if one.path.stat().st_size in sizes else None
            except OSError:
                continue  # says so when it is scored
            if alike:
                raise PipelineError(
                    f"{one.name} among the inputs and {alike.name} among the normals are the same image: "
                    "leave it out of one of them"
                )


def calibrated_by(
    model: Model, normals: Normals, microns_per_pixel: float | None, out: Path, workers: int
) -> tuple[Model, pd.DataFrame]:
    """Score normals, and put them in the place of those that the model knows.

    Of whole slides, the slides calibrate slides, and of each one view and one tile, drawn by its content, those of all
    slides.

    Args:
        model: The model.
        normals: All images, or all whole slides; of a mixture, the images cannot be used.
        microns_per_pixel: Of slides that do not state theirs.
        out: The folder of the results; what an interrupted run has finished is in ``.parts``.
        workers: Processes; they change no byte.

    Returns:
        The model, and the columns :data:`COLUMNS` of all normals: ``counts`` where one calibrates, which is one of each
        group.

    Raises:
        PipelineError: If none can be scored.
    """
    slides, pictures = told_apart(normals.inputs, model)
    if slides:
        table = _slides_measured(model, slides, pictures, microns_per_pixel, out, workers)
    else:
        table = pd.concat([part for part, _ in measured_images(model, pictures, out, workers)], ignore_index=True)
        table["view"] = table["score"]
    groups = {one.name: one.group for one in normals.inputs}
    table["group"] = [groups[name] or checksum for name, checksum in zip(table["name"], table["md5"], strict=True)]
    known = table[table["status"] == "ok"].reset_index(names="row")
    if known.empty:
        raise PipelineError(f"none of the {len(table)} normals could be scored; the first: {table['reason'].iloc[0]}")
    scores, views, looks = (
        calibration_of(known[column].to_numpy(), known["md5"], known["group"]) for column in ("score", "view", "looks")
    )
    table["counts"] = table.index.isin(known["row"].iloc[drawn_rows(known["md5"], known["group"])])
    appearance = replace(model.appearance, distances=looks)
    calibrated = replace(model, calibration=views, appearance=appearance, slides=scores if slides else None)
    return calibrated, table[COLUMNS]


def _slides_measured(
    model: Model,
    slides: Sequence[Input],
    pictures: Sequence[Input],
    microns_per_pixel: float | None,
    out: Path,
    workers: int,
) -> pd.DataFrame:
    """Score whole slides: a row for each, with the score of one ``view`` and the ``looks`` of one tile."""
    opening = Opening(cast(Preparation, model.preparation), microns_per_pixel)
    rows = []
    for one in slides:
        row, scored = measured_slide(model, one, opening, out, workers)
        if scored is not None:
            draws = generator(0, "calibration", row["md5"])
            row |= {"view": float(draws.choice(scored.scores)), "looks": float(draws.choice(scored.looks))}
        rows.append(row)
    reason = "is no whole slide, and other normals are: name slides or pictures of tiles"
    rows += [
        {"name": one.name, "path": one.path.as_posix(), "md5": "", "status": "failed", "reason": f"{one.name} {reason}"}
        for one in pictures
    ]
    columns = ["name", "path", "md5", "status", "reason", "score", "view", "looks"]
    return pd.DataFrame(rows, columns=columns).sort_values("name", ignore_index=True)


def _checksum(path: Path) -> str:
    try:
        return md5(path)
    except OSError:
        return ""
