"""docs/detectors.md: its lines are read from the page and applied as DVC does; the table names every detector."""

import json
import re
import shlex
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides

from pipeline.arms import Arm
from pipeline.detectors import registry
from pipeline.params.file import Params
from tests.import_closure import ROOT
from tests.shipped import shipped, shipped_arm

ARMS = ("camelyon16", "nih_subset", "nih_pa", "nih_ap")
PAGE = (ROOT / "docs" / "detectors.md").read_text(encoding="utf-8")
CONCAT = (32, 32, 64, 64, 80, 192, 192, 320, 1088, 2080, 1536)  # channels of the paper's taps, 5680 in all

# What the paper ran (detector, arm, default or tuned): settings of the detector, and what its images have been through.
TAPS = {"camelyon16": "conv2d_7b", "nih_subset": "mixed_7a", "nih_pa": "conv2d_1a", "nih_ap": "mixed_7a"}
GEO_EPOCHS = {"camelyon16": 2, "nih_subset": 1, "nih_pa": 1, "nih_ap": 2}
PIAD_ITERATIONS = {"camelyon16": 13_000, "nih_subset": 40_000, "nih_pa": 20_000, "nih_ap": 40_000}
TUNED_IMAGES = {
    ("deep_if", "nih_subset"): (224, "none"),
    ("deep_if", "nih_pa"): (300, "histogram"),
    ("deep_if", "nih_ap"): (224, "histogram"),
    ("deep_geo", "nih_subset"): (300, "none"),
    ("deep_geo", "nih_pa"): (224, "histogram"),
    ("deep_geo", "nih_ap"): (224, "none"),
    ("piad", "nih_subset"): (224, "histogram"),
    ("piad", "nih_pa"): (224, "none"),
    ("piad", "nih_ap"): (224, "histogram"),
}
ALL = list(product(ARMS, ("deep_if", "deep_geo", "piad"), ("default", "tuned")))


def settings_of(arm: str, detector: str, how: str, folder: Path) -> Arm:
    """The arm as the page's line leaves it, which may change nothing but that and the lists of detectors."""
    (line,) = re.findall(rf"^dvc exp run -n {arm}-{detector}-{how} .*$", PAGE, re.MULTILINE)
    changes = to_path_overrides(shlex.split(line)[6::2])
    assert sorted(changes.pop("params.yaml")) == [f"detectors=[{detector}]", "quick_detectors=[]"]
    assert set(changes) <= {f"arms/{arm}.yaml"}
    path = folder / "arm.json"
    path.write_text(json.dumps(shipped()[f"arms/{arm}.yaml"]), encoding="utf-8")
    for overrides in changes.values():
        apply_overrides(path, overrides)
    return Arm(arm, json.loads(path.read_text(encoding="utf-8")))


def expected(arm: str, detector: str, how: str) -> dict[str, Any]:
    """Settings of the detector that the paper names."""
    slides, tuned = arm == "camelyon16", how == "tuned"
    if detector == "deep_if":
        return {"layers": (TAPS[arm],) if tuned else None, "side": (256 if tuned else 64) if slides else None}
    if detector == "deep_geo":
        return {"epochs": GEO_EPOCHS[arm] if tuned else 3, "depth": 16, "width": 8, "shift": 16, "batch_size": 128}
    wide = not (slides and tuned)
    return {
        "iterations": PIAD_ITERATIONS[arm] if tuned else 100_000,
        "layers": ("r32", "r42") if tuned and arm in ("nih_pa", "nih_ap") else ("r42",),
        "latent_dim": 256 if wide else 128,
        "channels": (32, 64, 128, 256, 256) if wide else (32, 64, 128, 128, 128),
        "critic_channels": (32, 64, 128, 128, 128),
    }


@pytest.mark.parametrize(("arm", "detector", "how"), ALL)
def test_a_line_has_what_the_paper_ran(tmp_path: Path, params: Params, arm: str, detector: str, how: str) -> None:
    changed, published = settings_of(arm, detector, how, tmp_path), shipped_arm(arm)
    changed.check(params.compute, params.demo_data)
    settings = changed.detector(detector).model_dump()
    for key, value in expected(arm, detector, how).items():
        if value is not None or key == "side":
            assert settings[key] == value, key
    if (detector, how) == ("deep_if", "default"):
        assert len(settings["layers"]) == len(CONCAT)
    if arm == "camelyon16":
        size = 768 if (detector, how) == ("deep_if", "tuned") else 192
        assert changed.content["normalize_tiles"] == published.content["normalize_tiles"] | {"working_size": size}
    else:
        made = changed.content["equalize_xrays"]
        seen = TUNED_IMAGES[detector, arm] if how == "tuned" else (224, "none")
        assert (made["crop_size"], made["equalization"], made["working_size"]) == (*seen, 64)


def test_no_line_is_left_over() -> None:
    assert PAGE.count("\ndvc exp run -n ") == len(ALL)


def test_the_table_names_every_detector() -> None:
    named = {name for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(registry.names())
