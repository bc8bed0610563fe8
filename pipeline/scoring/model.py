"""A model's file, and all that it needs to score images of which the repository knows nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.data.kinds import names as kind_names
from pipeline.detectors import registry
from pipeline.detectors.model_files import opened_model, tensor_of
from pipeline.errors import PipelineError
from pipeline.evaluation.appearance import Appearance, described_by
from pipeline.evaluation.calibration import Calibration
from pipeline.features.covariance import Spread
from pipeline.files import md5
from pipeline.layout import CALIBRATED
from pipeline.scoring.prepare_job import Preparing

ROUNDING = 1e-6  # of a matrix's largest number, by which it may fail to be symmetric and of variances


class Scoring(Protocol):
    """What scoring asks of a detector, see :class:`pipeline.detectors.base.Detector`."""

    def score(self, images: np.ndarray) -> np.ndarray:
        """Return anomaly scores, float64 (N,), of images uint8 (N, H, W, C)."""
        ...

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray | None:
        """Return anomaly maps, float32 (N, h, w); None without."""
        ...

    def reconstructions(self, images: np.ndarray) -> np.ndarray | None:
        """Return what a network makes of images, uint8 (N, h, w, C); None where it reconstructs nothing."""
        ...


@dataclass(frozen=True)
class Model:
    """A fitted detector, or the average of several, with what its scores mean.

    Attributes:
        path: Its file; of an average, the folder of all.
        checksum: MD5 of the file; of an average, of all MD5s.
        name: The detector's.
        kind: Of the data that it was fitted to.
        detector: The detector.
        preparation: How its images are made.
        calibration: The scores of normals: held-out ones, or those that the user named.
        appearance: How its images look.
        map_top: The value of anomaly maps that is drawn brightest; None without maps.
        side: Of the central square of an image that is scored, in pixels; None for all of it.
        settings: The detector's, as its file has them.
        averaged: Of an average, seed to MD5 of its file.
        slides: The scores of whole slides that the user named as normal; None without.
        normals_checksum: Of the normals that the user named; empty where the held-out ones calibrate.
    """

    path: Path
    checksum: str
    name: str
    kind: str
    detector: Scoring
    preparation: Preparing
    calibration: Calibration
    appearance: Appearance
    map_top: float | None
    side: int | None
    settings: str = ""
    averaged: Mapping[int, str] = field(default_factory=dict)
    slides: Calibration | None = None
    normals_checksum: str = ""

    @property
    def title(self) -> str:
        """What outputs call it, without the place where it lies."""
        if not self.averaged:
            return self.path.name
        return f"{self.path.parent.name}/{self.path.name}, the average of seeds {', '.join(map(str, self.averaged))}"

    @property
    def normals_are(self) -> str:
        """What outputs call the normals that calibrate it: held-out or named."""
        return "named" if self.normals_checksum else "held-out"


def read_model(path: Path, place: Workplace, weights: str | None = None) -> Model:
    """Open a model's file alone.

    Args:
        path: What :func:`pipeline.evaluation.calibrated_model.write_calibrated` wrote.
        place: Where to compute.
        weights: File with the weights of its backbone, where their own source shall not be asked.

    Raises:
        PipelineError: If it is missing, damaged, no model, or one that was not completed.
    """
    with opened_model(path) as content:
        name = content.get("detector")
        if not isinstance(name, str) or name not in registry.names():
            raise PipelineError(f"{path} was not calibrated: name {CALIBRATED}, which `dvc repro` makes beside it")
        top = content["map_top"]
        if top is not None and not (isinstance(top, float) and 0 < top < inf):
            raise ValueError("map_top is no brightness")
        kind = content["preparation"]["kind"]
        preparation = _preparation(kind, content["preparation"])
        calibration = Calibration(_drawn(content, "normals"))
        side, _, channels = preparation.shape
        spread = _spread(content, described_by(channels))
        appearance = Appearance(spread, Calibration(_drawn(content, "appearance_normals")))
        written = content.get("settings", "{}")
        settings = registry.settings_class(name).model_validate_json(written)
        if content["image_channels"] != (1 if settings.gray else channels) or (settings.resolution or side) > side:
            raise ValueError("its images are made with other channels or smaller than it was fitted to")
        if "weights" in settings.files:
            settings = settings.model_copy(update={"weights": weights})
    detector = registry.load(name, path, settings, place)
    return Model(
        path, md5(path), name, kind, detector, preparation, calibration, appearance, top, settings.resolution, written
    )


def _drawn(content: Any, name: str) -> np.ndarray:
    values = content[name]
    if isinstance(values, Tensor) and values.shape == (0,):  # where no normals were held out
        return np.empty(0)
    return tensor_of(content, name, torch.float64, None).numpy()


def _spread(content: Any, size: int) -> Spread:
    mean = tensor_of(content, "appearance_mean", torch.float64, size)
    precision = tensor_of(content, "appearance_precision", torch.float64, size, size)
    largest = float(precision.abs().max())
    if not torch.allclose(precision, precision.T, atol=ROUNDING * largest):
        raise ValueError("appearance_precision is not symmetric")
    if torch.linalg.eigvalsh(precision).min() < -ROUNDING * largest:
        raise ValueError("appearance_precision is of negative variances")
    return Spread(mean, precision)


def _preparation(kind: Any, content: Any) -> Preparing:
    if kind not in kind_names():
        raise ValueError("the images are of no known kind")
    model = import_module(f"pipeline.data.{kind}.preparation").Preparation
    preparation = model.model_validate_json(json.dumps(content))
    if preparation.model_dump(mode="json") != content:  # what a collection's settings may leave out counts here
        raise ValueError("not all of the preparation is there")
    return cast(Preparing, preparation)
