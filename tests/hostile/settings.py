"""The shipped settings with other values, written as JSON, which is YAML."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.import_closure import ROOT

SHIPPED = (ROOT / "params.yaml").read_text(encoding="utf-8")


@functools.cache
def _shipped() -> Any:
    return YAML(typ="safe").load(SHIPPED)


def shipped() -> Any:
    """The settings, to be changed."""
    return copy.deepcopy(_shipped())


def write_with_table() -> None:
    """Write params.yaml with the arm nih_pa described by the table xrays.csv."""
    content = shipped()
    content["split_xrays"]["nih_pa"] |= {"table": "xrays.csv", "lists": None, "validation_share": 0.0}
    Path("params.yaml").write_text(json.dumps(content), encoding="utf-8")
