from pathlib import Path

import numpy as np
import pytest

from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.mean_intensity.detector import MeanIntensity
from pipeline.detectors.mean_intensity.settings import MeanIntensitySettings
from pipeline.errors import PipelineError


def detector(side: int | None = None) -> MeanIntensity:
    return MeanIntensity(MeanIntensitySettings(side=side), 3, Workplace(), {"made": "in a test"})


def test_mean_intensity_is_the_mean_of_the_scored_middle_over_all_channels() -> None:
    pixels = np.full((2, 4, 4, 3), 255, np.uint8)
    pixels[:, 1:3, 1:3] = 0
    pixels[1, 1, 1] = 120
    assert detector(side=2).score(pixels).tolist() == [0.0, 30.0]
    assert detector().score(pixels[:1]).tolist() == [0.75 * 255]


def test_it_has_a_history_and_no_maps(tiny_images: Images) -> None:
    history = detector().fit(tiny_images.pixels, np.arange(3), np.arange(0), seed=0)
    assert history.rows["loss"].tolist() == [pytest.approx(tiny_images.pixels[:3].mean(), abs=1e-5)]
    assert detector().anomaly_maps(tiny_images.pixels) is None


def test_a_loaded_detector_scores_as_the_saved_one_and_a_damaged_file_is_named(
    tmp_path: Path, tiny_images: Images
) -> None:
    path = tmp_path / "model.pt"
    detector(side=8).save(path)
    loaded = MeanIntensity.load(path, MeanIntensitySettings(), Workplace())
    np.testing.assert_array_equal(loaded.score(tiny_images.pixels), detector(side=8).score(tiny_images.pixels))
    path.write_bytes(path.read_bytes()[:-99])
    with pytest.raises(PipelineError, match="is not a whole model"):
        MeanIntensity.load(path, MeanIntensitySettings(), Workplace())
