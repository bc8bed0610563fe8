"""The settings as they are shipped: params.yaml and the files in arms/, parsed once, since that takes a while."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from pipeline.arms import Arm, check_arms
from pipeline.data.slides.settings import Settings as SlideSettings
from pipeline.data.xrays.settings import Settings as XraySettings
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.params.file import Params, read_params
from tests.import_closure import ROOT

FILES = ("params.yaml", *sorted(f"arms/{path.name}" for path in (ROOT / "arms").glob("*.yaml")))


def shipped() -> dict[str, Any]:
    """File to its content, for a test to change."""
    return copy.deepcopy(_parsed())


def with_values(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The shipped settings with other values.

    Args:
        *changes: Path, as ``-S`` of DVC has it (``seeds``, ``arms/nih_pa.yaml:detectors.dpa.depth``), and value.
    """
    content = shipped()
    for path, value in changes:
        file, _, keys = path.rpartition(":")
        *parents, last = keys.split(".")
        place = content[file or "params.yaml"]
        for key in parents:
            place = place[key]
        place[last] = value
    return content


def write(content: dict[str, Any], folder: Path = Path()) -> None:
    """Write settings into a folder, as JSON, which is YAML."""
    (folder / "arms").mkdir(parents=True, exist_ok=True)
    for file, of_file in content.items():
        (folder / file).write_text(json.dumps(of_file), encoding="utf-8")


def read_all() -> Params:
    """Read and check all settings in the working folder, as the first stage does."""
    params = read_params()
    check_arms(params)
    return params


@cache
def _parsed() -> dict[str, Any]:
    return {file: YAML(typ="safe").load((ROOT / file).read_text(encoding="utf-8")) for file in FILES}


@cache
def shipped_arm(name: str) -> Arm:
    """An arm as it is shipped."""
    return Arm(name, shipped()[f"arms/{name}.yaml"])


def shipped_slides(name: str) -> SlideSettings:
    """Its collection, and how its tiles are made."""
    return shipped_arm(name).data_as(SlideSettings)


def shipped_xrays(name: str) -> XraySettings:
    """Its collection, and how its X-rays are prepared."""
    return shipped_arm(name).data_as(XraySettings)


def shipped_dpa(name: str) -> DpaSettings:
    """The settings of its deep perceptual autoencoder."""
    settings = shipped_arm(name).detector("dpa")
    assert isinstance(settings, DpaSettings)
    return settings
