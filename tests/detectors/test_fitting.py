from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest

from pipeline.compute.device import Workplace
from pipeline.data.images import Images, write_images
from pipeline.detectors.base import Detector, History
from pipeline.detectors.fitting import fit_arm
from pipeline.errors import PipelineError
from stages import train
from tests.shipped import shipped, write


class Recorder(Detector):
    """A detector that only notes what it is shown."""

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        self.train, self.held_out, self.seed, self.scratch = images[train], images[held_out], seed, scratch
        return History(pd.DataFrame({"iteration": [1], "loss": [0.5]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(images.mean((1, 2, 3)))

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        return np.asarray(images.mean(3))

    def save(self, path: Path) -> None:
        path.touch()

    @classmethod
    def load(cls, path: Path, settings: Any, place: Workplace) -> Self:
        return cls()


def test_a_detector_is_shown_training_normals_and_held_out_normals_only(tiny_images: Images, tmp_path: Path) -> None:
    tiny_images.index.loc[[7, 11], "label"] = 1
    detector = Recorder()
    fit_arm(detector, tiny_images, 7, tmp_path)
    np.testing.assert_array_equal(detector.train, tiny_images.pixels[:7])
    np.testing.assert_array_equal(detector.held_out, tiny_images.pixels[8:11])
    assert (detector.seed, detector.scratch) == (7, tmp_path)


def test_a_patient_on_two_sides_stops_the_training_stage(in_folder: Path, tiny_images: Images) -> None:
    write(shipped())
    folder = in_folder / "data" / "prepared" / "nih_pa"
    write_images(folder, [tiny_images.pixels], tiny_images.index, {})
    tiny_images.index.loc[20, "group"] = "patient_00"
    tiny_images.index.to_csv(folder / "index.csv", index=False)
    with pytest.raises(PipelineError, match="group 'patient_00' is in the splits test, train"):
        train.main("nih_pa", "dpa", "0")


def test_an_arm_without_training_images_is_an_error(tiny_images: Images, tmp_path: Path) -> None:
    tiny_images.index["split"] = "test"
    with pytest.raises(PipelineError, match="no normal training image"):
        fit_arm(Recorder(), tiny_images, 0, tmp_path)
