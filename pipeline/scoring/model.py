"""A model's file, and all that it needs to score images of which the repository knows nothing."""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch

from pipeline.compute.device import Workplace
from pipeline.data.kinds import names as kind_names
from pipeline.detectors import registry
from pipeline.detectors.base import Detector
from pipeline.detectors.model_files import opened_model, tensor_of
from pipeline.errors import PipelineError
from pipeline.evaluation.appearance import Appearance
from pipeline.evaluation.calibration import Calibration
from pipeline.features.covariance import Spread
from pipeline.files import md5
from pipeline.layout import CALIBRATED


class Preparing(Protocol):
    """How images of a kind of data are made, see ``preparation.py`` of each."""

    image: str
    unit: str

    def prepare(self, content: bytes, name: str) -> np.ndarray:
        """Make an image uint8 (H, W, C) of a file."""
        ...


@dataclass(frozen=True)
class Model:
    """A fitted detector with what its scores mean.

    Attributes:
        path: Its file.
        checksum: MD5 of the file.
        name: The detector's.
        kind: Of the data that it was fitted to.
        detector: The detector.
        preparation: How its images are made.
        calibration: The scores of held-out normals.
        appearance: How its images look.
        map_top: The value of anomaly maps that is drawn brightest; None without maps.
        side: Of the central square of an image that is scored, in pixels; None for all of it.
    """

    path: Path
    checksum: str
    name: str
    kind: str
    detector: Detector
    preparation: Preparing
    calibration: Calibration
    appearance: Appearance
    map_top: float | None
    side: int | None


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
        if top is not None and not (isinstance(top, float) and top > 0):
            raise ValueError("map_top is no brightness")
        mean = tensor_of(content, "appearance_mean", torch.float64, None)
        precision = tensor_of(content, "appearance_precision", torch.float64, len(mean), len(mean))
        kind = content["preparation"]["kind"]
        calibration = Calibration(_rising(content, "normals"))
        appearance = Appearance(Spread(mean, precision), Calibration(_rising(content, "appearance_normals")))
        preparation = _preparation(kind, content["preparation"])
        settings = registry.settings_class(name).model_validate_json(content.get("settings", "{}"))
        if "weights" in settings.files:
            settings = settings.model_copy(update={"weights": weights})
    detector = registry.load(name, path, settings, place)
    return Model(path, md5(path), name, kind, detector, preparation, calibration, appearance, top, settings.resolution)


def _rising(content: Any, name: str) -> np.ndarray:
    values = content[name]
    if len(values):
        values = tensor_of(content, name, torch.float64, None)
    if (values.diff() < 0).any():
        raise ValueError(f"{name} do not rise")
    return cast(np.ndarray, values.numpy())


def _preparation(kind: Any, content: Any) -> Preparing:
    if kind not in kind_names():
        raise ValueError("the images are of no known kind")
    model = import_module(f"pipeline.data.{kind}.preparation").Preparation
    return cast(Preparing, model.model_validate_json(json.dumps(content)))
