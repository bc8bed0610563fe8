"""A model of a few gray images, as new images are scored by it."""

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compute.device import Workplace
from pipeline.data.folders.preparation import Preparation
from pipeline.data.folders.settings import FolderSteps
from pipeline.data.images import Images
from pipeline.detectors import registry
from pipeline.evaluation.appearance import appearance_of
from pipeline.evaluation.calibrated_model import write_calibrated

FILE = Path("calibrated.pt")


def write_model() -> None:
    """Fit the lightest detector to 12 images, half of them held out, and write all that scores need."""
    steps = FolderSteps(thumbnail_size=16, crop_size=16, working_size=16)
    preparation = Preparation(unit="group", generated=False, steps=steps, stain=None, target=None)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1), dtype=np.uint8)
    index = pd.DataFrame({"id": [f"{number:02}" for number in range(12)], "split": ["train", "val"] * 6, "label": 0})
    images = Images(pixels, index.assign(group=index["id"]), preparation.model_dump(mode="json"))
    settings = registry.settings_of("mean_intensity", {})
    detector = registry.build("mean_intensity", settings, 1, Workplace(), images.preparation)
    detector.fit(pixels, images.rows("train"), images.rows("val"), 0)
    detector.save(Path("model.pt"))
    scores = images.index.assign(score=detector.score(pixels))
    write_calibrated(FILE, Path("model.pt"), "mean_intensity", detector, images, scores, appearance_of(images))
    Path("model.pt").unlink()
