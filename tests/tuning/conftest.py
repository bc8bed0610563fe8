"""A tiny arm whose settings are searched in seconds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from pipeline.arms import Arm
from pipeline.data.images import write_images
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.files import write_csv
from pipeline.params.file import Params
from pipeline.params.tune import Tune
from pipeline.tuning.arm_search import ArmSearch
from pipeline.tuning.space import Space
from tests.shipped import shipped

ARM = "demo_xrays"


class Searched(NamedTuple):
    """A search: what runs, and the arm that is searched."""

    params: Params
    arm: Arm

    @property
    def space(self) -> Space:
        return Space(self.arm, self.params.compute)

    def search(self, scratch: str = ".cache/tuning") -> ArmSearch:
        return ArmSearch(self.params, self.arm, Path(scratch))


SearchOf = Callable[..., Searched]


def dpa(**settings: Any) -> dict[str, Any]:
    """A change of the detector's settings, as options are written."""
    return {"detectors": {"dpa": settings}}


# no growth and no perceptual network, which takes seconds to read
QUICK = dpa(grow=False, schedule={"16": {"stable": 4}}, loss={"perceptual": 0.0, "l1": 1.0, "adversarial": 0.0})
SPACE = {
    "latent": {"two": dpa(latent_dim=2), "four": dpa(latent_dim=4)},
    "rate": {"low": dpa(learning_rate=0.0005), "high": dpa(learning_rate=0.005)},
}
# several detectors, each with a space of its own
DETECTORS = {
    "equalization": {name: {"equalize_xrays": {"equalization": name}} for name in ("none", "histogram")},
    "detector": {
        "knn": {"neighbours": {"1": {"k": 1}, "3": {"k": 3}}, "by": {"cosine": {"distance": "cosine"}}},
        "mahalanobis": {},
    },
}
SEVERAL = {"detector": None, "common": {}, "space": {"detector": DETECTORS["detector"]}}


def tune(**changed: Any) -> Tune:
    settings: dict[str, Any] = {
        "detector": "dpa",
        "seed": 0,
        "sampler": "grid",
        "trials": None,
        "batch": 4,
        "prune": False,
        "folds": 3,
        "cross_validate": True,
        "anomalies": ["Mass"],
        "storage": None,
        "common": QUICK,
        "space": SPACE,
        "few_anomalies": {"numbers": [2, 4], "kinds": [1], "draws": 3},
    }
    return Tune.model_validate_json(json.dumps(settings | changed))


@pytest.fixture
def search_of(params: Params, tiny_train: DpaSettings, networks_read_once: None) -> SearchOf:
    """The shipped settings, with a tiny network for demo_xrays and a search that a test changes."""

    def search_of(at_once: int = 1, **changed: Any) -> Searched:
        compute = params.compute.model_copy(update={"trials": at_once})
        content = shipped()[f"arms/{ARM}.yaml"]
        content["detectors"]["dpa"] = tiny_train.model_dump(mode="json")
        content["equalize_xrays"]["working_size"] = 16
        content["tune"] = tune(**changed).model_dump(mode="json")
        return Searched(params.model_copy(update={"compute": compute}), Arm(ARM, content))

    return search_of


def arm_index() -> pd.DataFrame:
    """Two images of each of 24 patients: training normals, validation with masses and nodules, and a test."""
    rows = []
    for patient in range(24):
        split = "train" if patient < 12 else "val" if patient < 20 else "test"
        for number in range(2):
            finding = "" if split == "train" or not number else ("Mass" if patient % 2 else "Nodule")
            rows.append((f"{patient:02}_{number}.png", split, int(bool(finding)), finding, f"patient_{patient:02}"))
    index = pd.DataFrame(rows, columns=["id", "split", "label", "findings", "group"])
    return index.assign(source="images/" + index["id"], x=0, y=0)


def arm_pixels(index: pd.DataFrame) -> np.ndarray:
    """Ramps, with a bright square where there is a finding."""
    noise = np.random.default_rng(0)
    ramp = np.tile(np.linspace(0, 200, 16), (16, 1))
    pixels = np.stack([np.roll(ramp, k % 5, 1) for k in range(len(index))]) + noise.normal(0, 4, (len(index), 16, 16))
    for row in np.flatnonzero(index["label"]):
        pixels[row, 4:9, 5:10] = 255
    return np.clip(pixels, 0, 255).astype(np.uint8)[..., None]


@pytest.fixture
def arm(in_folder: Path) -> Path:
    """A working folder with the prepared images of the arm."""
    index = arm_index()
    write_images(in_folder / "data/prepared" / ARM, [arm_pixels(index)], index, {"unit": "patient"})
    write_csv(in_folder / f"data/raw/inventory/{ARM}.csv", pd.DataFrame({"path": ["a"], "bytes": [1], "md5": ["0"]}))
    return in_folder
