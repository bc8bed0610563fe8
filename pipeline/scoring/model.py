"""A model's file, and all that it needs to score images of which the repository knows nothing."""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from sys import intern
from typing import Any, Protocol, cast

import numpy as np
import torch

from pipeline.compute.device import Workplace
from pipeline.compute.tensor_files import read_tensors, write_tensors
from pipeline.data.images import Images
from pipeline.data.kinds import names as kind_names
from pipeline.detectors import registry
from pipeline.detectors.base import Detector
from pipeline.detectors.fitting import training_rows
from pipeline.detectors.model_files import opened_model, tensor_of
from pipeline.errors import PipelineError
from pipeline.evaluation.scores import scored
from pipeline.features.covariance import Spread
from pipeline.files import md5
from pipeline.scoring.appearance import Appearance, appearance_of
from pipeline.scoring.calibration import Calibration, calibration_of

MAP_QUANTILE = 0.999  # of the pixels of held-out normals' maps, which is drawn half as bright as the brightest


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


def complete_model(path: Path, name: str, detector: Detector, images: Images) -> None:
    """Add to a model's file which detector it is and what its scores mean, so that it can be used without any other.

    Args:
        path: What the detector's ``save`` wrote.
        name: The detector's.
        detector: The fitted detector.
        images: The prepared arm that it was fitted to.
    """
    held_out = images.rows("val", label=0)
    known = images.index.iloc[held_out]
    calibration = calibration_of(scored(detector.score, images, held_out), known["id"], known["group"])
    appearance = appearance_of(images, training_rows(images), held_out)
    content = {
        "detector": intern(name),
        "normals": torch.from_numpy(calibration.normals),
        "appearance_mean": appearance.spread.mean,
        "appearance_precision": appearance.spread.precision,
        "appearance_normals": torch.from_numpy(appearance.distances.normals),
        "map_top": _map_top(detector, images, held_out),
    }
    write_tensors(path, {**read_tensors(path), **content})


def read_model(path: Path, place: Workplace, weights: str | None = None) -> Model:
    """Open a model's file alone.

    Args:
        path: What :func:`complete_model` wrote.
        place: Where to compute.
        weights: File with the weights of its backbone, where their own source shall not be asked.

    Raises:
        PipelineError: If it is missing, damaged, no model, or one that was not completed.
    """
    with opened_model(path) as content:
        name = content.get("detector")
        if not isinstance(name, str) or name not in registry.names():
            raise PipelineError(f"{path} does not say which detector it is: train again with this version")
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
    return Model(path, md5(path), name, kind, detector, preparation, calibration, appearance, top)


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


def _map_top(detector: Detector, images: Images, held_out: np.ndarray) -> float | None:
    """Twice what nearly all of the maps of held-out normals stay below; None without maps."""
    maps = detector.anomaly_maps(np.asarray(images.pixels[held_out[:64]])) if len(held_out) else None
    if maps is None:
        return None
    return float(f"{2 * np.quantile(maps, MAP_QUANTILE):.3g}") or 1.0
