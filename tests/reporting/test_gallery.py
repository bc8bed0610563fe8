from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from pipeline.evaluation.scores import score_table
from pipeline.images import Images
from pipeline.reporting.gallery import write_gallery
from tests.training.test_fitting import Recorder


def brightness(pixels: np.ndarray) -> np.ndarray:
    return pixels.mean((1, 2, 3))


def gallery(path: Path, images: Images, scores: pd.DataFrame, shown: int) -> np.ndarray:
    write_gallery(path, "arm", Recorder(), images, scores, shown)
    sheet = cv2.imread(str(path))
    assert sheet is not None
    return sheet


def test_a_gallery_grows_with_the_images_shown_up_to_the_whole_test_split(tmp_path: Path, tiny_images: Images) -> None:
    scores = score_table(tiny_images, brightness)
    four, twelve, more = (gallery(tmp_path / f"{n}.png", tiny_images, scores, n) for n in (4, 12, 50))
    assert four.shape[1] < twelve.shape[1]
    np.testing.assert_array_equal(twelve, more)


def test_a_gallery_does_not_depend_on_the_order_of_scores(tmp_path: Path, tiny_images: Images) -> None:
    scores = score_table(tiny_images, brightness)
    shuffled = scores.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(
        gallery(tmp_path / "a.png", tiny_images, scores, 3), gallery(tmp_path / "b.png", tiny_images, shuffled, 3)
    )
