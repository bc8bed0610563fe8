"""All detectors by name: the folders beside this file. To add one is to add a folder.

It holds ``settings.py``, whose ``SETTINGS`` is the class of its settings, and ``detector.py``, whose ``DETECTOR`` is
the detector's. They are imported when they are asked for, so that a stage depends on the detectors that it works with
and on no other; and no detector is named in what all stages depend on.
"""

import pkgutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pipeline.detectors
from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.errors import PipelineError

if TYPE_CHECKING:  # what these need takes seconds to import
    from pipeline.compute.device import Workplace
    from pipeline.detectors.base import Detector

BASELINES = ("colour_statistics", "mean_intensity")  # what every detector is compared with, in reading order
UNSIGNED = ("mean_intensity",)  # baselines whose better direction counts: anomalies may be dark or bright


def names() -> list[str]:
    """Every detector."""
    return sorted(module.name for module in pkgutil.iter_modules(pipeline.detectors.__path__) if module.ispkg)


def check_name(name: str) -> None:
    """Check that there is a detector of this name.

    Raises:
        PipelineError: If there is none.
    """
    if name not in names():
        raise PipelineError(f"{name!r} is not a detector: choose from {', '.join(names())}")


def settings_class(name: str) -> type[DetectorSettings]:
    """The class of a detector's settings; its import is light."""
    check_name(name)
    settings: type[DetectorSettings] = import_module(f"pipeline.detectors.{name}.settings").SETTINGS
    return settings


def settings_of(name: str, content: dict[str, Any]) -> DetectorSettings:
    """Validate a detector's section of an arm's file.

    Raises:
        PipelineError: If there is no such detector.
        pydantic.ValidationError: If a key or value is wrong.
    """
    return settings_class(name).read(content)


def words_of(name: str) -> Words:
    """What reports call a detector."""
    plain = name.replace("_", " ")
    return settings_class(name).words or Words(plain, plain)


def build(
    name: str, settings: DetectorSettings, image_channels: int, place: "Workplace", preparation: dict[str, Any]
) -> "Detector":
    """Make a detector that is not fitted yet.

    Args:
        name: The detector's.
        settings: Of its class, see :func:`settings_of`.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How its images were made, to be kept in the model's file.
    """
    made = _detector_class(name)
    if settings.gray:
        return _in_gray(made(settings, 1, place, preparation))
    detector: Detector = made(settings, image_channels, place, preparation)
    return detector


def load(name: str, path: Path, settings: DetectorSettings, place: "Workplace") -> "Detector":
    """Read a fitted detector.

    Args:
        name: The detector's.
        path: What its ``save`` wrote.
        settings: The arm's, of which only the places of files count: all else is in the model, unless the detector
            keeps no settings there.
        place: Where to compute.

    Raises:
        PipelineError: If the file is missing, damaged or another detector's.
    """
    loaded: Detector = _detector_class(name).load(path, settings, place)
    return _in_gray(loaded) if getattr(loaded, "settings", settings).gray else loaded


def _in_gray(detector: "Detector") -> "Detector":
    shown: Detector = import_module("pipeline.detectors.in_gray").InGray(detector)
    return shown


def _detector_class(name: str) -> Any:
    check_name(name)
    return import_module(f"pipeline.detectors.{name}.detector").DETECTOR
