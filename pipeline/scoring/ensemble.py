"""The models of all seeds of an arm as one, whose scores are averages."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from pipeline import layout
from pipeline.compute.device import Workplace
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import Calibration
from pipeline.evaluation.scores import rounded
from pipeline.params.file import Params
from pipeline.scoring.model import Model, read_model

MANY = 10  # normals, which no draw leaves in the order of their scores


@dataclass(frozen=True)
class Average:
    """Scores as standard deviations above the mean of held-out normals, averaged over models.

    The scores of two trainings have no common unit, so each is standardised before all are averaged, which reduces
    their variance (Aggarwal & Sathe 2015, Theoretical foundations and algorithms for outlier ensembles). Averages of
    ranks or p-values would not tell apart images that lie beyond all normals.

    New images and normals are averaged by one function, so that normals' averages calibrate averages as scores
    calibrate scores. Of what it takes from the normals, only the weights 1 / deviation of the models move ranks, by the
    error of a standard deviation, 1 / √(2 n) of it, the same for all images.

    Attributes:
        models: Of one arm and detector.
        means: Of the scores of each model's held-out normals: float64 (models, 1).
        deviations: Their standard deviations: float64 (models, 1).
    """

    models: Sequence[Model]
    means: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, models: Sequence[Model]) -> Self:
        """Take the units from held-out normals.

        Raises:
            PipelineError: If a model knows no two different ones.
        """
        normals = [model.calibration.drawn for model in models]
        for model, scores in zip(models, normals, strict=True):
            if len(np.unique(scores)) < 2:
                raise PipelineError(
                    f"{model.path} knows no two different scores of held-out normals, by which seeds are made "
                    "comparable: name one seed's file instead of the arm"
                )
        return cls(models, *(np.array([[part(scores)] for scores in normals]) for part in (np.mean, np.std)))

    def score(self, images: np.ndarray) -> np.ndarray:
        """Return the average of what each model says of images uint8 (n, H, W, C): float64 (n,)."""
        return self.averaged(np.stack([rounded(model.detector.score(images)) for model in self.models]))

    def averaged(self, scores: np.ndarray) -> np.ndarray:
        """Average scores float64 (models, n), as results have them: float64 (n,)."""
        return rounded(((scores - self.means) / self.deviations).mean(0))

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray | None:
        """Return the average of maps, each relative to what its model draws brightest; None if one draws none."""
        drawn = []
        for model in self.models:
            maps = model.detector.anomaly_maps(images) if model.map_top else None
            if maps is None:
                return None
            drawn.append(maps / model.map_top)
        return np.asarray(np.mean(drawn, axis=0))

    def reconstructions(self, images: np.ndarray) -> None:
        """Return nothing: the mean of several reconstructions is none of them, and blurs what each made up."""


def read_arm(arm: str, params: Params, detector: str | None, place: Workplace, weights: str | None = None) -> Model:
    """Open the models of all seeds of one detector of an arm.

    Args:
        arm: The arm's name.
        params: What runs: its seeds, and the detectors of which the first with models is taken.
        detector: Another one.
        place: Where to compute.
        weights: See :func:`pipeline.scoring.model.read_model`.

    Raises:
        PipelineError: If there are none, one of the seeds is missing, or they were not fitted alike to the same images.
    """
    name = _detector(arm, params, detector)
    files = {seed: layout.calibrated(layout.run_name(arm, name, seed)) for seed in params.seeds}
    for seed, file in files.items():
        if not file.is_file():
            raise PipelineError(f"{file} is missing, and seed {seed} is one of params.yaml: run `dvc repro`")
    models = [read_model(file, place, weights) for file in files.values()]
    if len(models) == 1:
        return models[0]
    _check_order(models[0])
    _check_alike(models)
    average = Average.of(models)
    known = Calibration(average.averaged(np.stack([model.calibration.drawn for model in models])))
    checksums = {seed: model.checksum for seed, model in zip(files, models, strict=True)}
    return replace(
        models[0],
        path=layout.MODELS / arm / name,
        checksum=hashlib.md5(" ".join(checksums.values()).encode(), usedforsecurity=False).hexdigest(),
        detector=average,
        calibration=known,
        map_top=1.0 if all(model.map_top for model in models) else None,
        averaged=checksums,
    )


def names_arm(word: str) -> bool:
    """Whether MODEL is the name of an arm that has models, and no file."""
    return not Path(word).is_file() and Path(word).name == word and (layout.MODELS / word).is_dir()


def detectors_of(arm: str) -> list[str]:
    """Return of which detectors an arm has models, by name."""
    return sorted({file.parts[-3] for file in (layout.MODELS / arm).glob(f"*/seed-*/{layout.CALIBRATED}")})


def _detector(arm: str, params: Params, asked: str | None) -> str:
    """The detector that is asked for, else the first of params.yaml; one that has models."""
    there = detectors_of(arm)
    if not there:
        raise PipelineError(f"{layout.MODELS / arm} holds no {layout.CALIBRATED}: run `dvc repro`, which makes them")
    wanted = (asked,) if asked else params.detectors
    if name := next((name for name in wanted if name in there), None):
        return name
    of = f"of {asked}" if asked else "of the detectors of params.yaml"
    raise PipelineError(f"{arm} has no models {of}: choose by --detector one of {', '.join(there)}")


def _check_alike(models: Sequence[Model]) -> None:
    """Check that models differ by nothing but their seed: the looks of normals tell which images they know."""
    first = models[0]
    for other in models[1:]:
        same = {
            "by another detector": other.name == first.name,
            "to images that were prepared in another way": other.preparation == first.preparation,
            "with other settings": other.settings == first.settings,
            "to other images": _same_images(first, other),
        }
        for what, holds in same.items():
            if not holds:
                raise PipelineError(f"{other.path} was fitted {what} than {first.path}: run `dvc repro`")


def _check_order(model: Model) -> None:
    """Check that normals are in an order that all seeds share; scores in their own would be averaged across images."""
    scores = model.calibration.drawn
    if len(scores) >= MANY and len(np.unique(scores)) > 1 and (np.diff(scores) >= 0).all():
        raise PipelineError(
            f"{model.path} has its normals in the order of their scores, as versions before this one wrote them: run "
            "`dvc repro`"
        )


def _same_images(one: Model, other: Model) -> bool:
    looks = [(model.appearance.spread.mean.numpy(), model.appearance.distances.drawn) for model in (one, other)]
    alike = all(a.shape == b.shape and np.allclose(a, b, rtol=1e-6) for a, b in zip(*looks, strict=True))
    return alike and len(one.calibration.drawn) == len(other.calibration.drawn)
