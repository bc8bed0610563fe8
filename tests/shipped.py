"""What stands in params.yaml, parsed once, since that takes a while."""

import copy
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from tests.import_closure import ROOT


def shipped_params() -> Any:
    """Return the content for a test to change."""
    return copy.deepcopy(_parsed())


@cache
def _parsed() -> Any:
    return YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
