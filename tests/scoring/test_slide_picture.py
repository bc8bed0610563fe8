"""The colours of views over a slide."""

import numpy as np

from pipeline.evaluation.calibration import Calibration
from pipeline.scoring.slide_picture import Colours, colours_of


def test_without_two_normals_there_is_no_scale_and_no_picture() -> None:
    assert colours_of(Calibration(np.array([])), 0.05) is None
    assert colours_of(Calibration(np.array([2.0])), 0.05) is None
    highest = (
        "dark is the lowest of the held-out normals' tiles, half bright the highest of the held-out normals' tiles"
    )
    assert colours_of(Calibration(np.array([1.0, 3.0])), 0.05) == Colours(1.0, 5.0, highest)
