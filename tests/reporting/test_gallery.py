from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.scores import score_table
from pipeline.images import Images
from pipeline.reporting import gallery as reporting_gallery
from pipeline.reporting.gallery import write_gallery
from tests.training.test_fitting import Recorder


def brightness(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(pixels.mean((1, 2, 3)))


def gallery(path: Path, images: Images, scores: pd.DataFrame, shown: int) -> np.ndarray:
    write_gallery(path, "arm", Recorder(), images, scores, shown)
    sheet = cv2.imread(str(path))
    assert sheet is not None
    return np.asarray(sheet)


class MiddleMapper(Recorder):
    """A detector that maps the middle 8×8 pixels only."""

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        return super().anomaly_maps(images[:, 4:12, 4:12])


@pytest.fixture
def shown_rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, Sequence[np.ndarray]]:
    """What a gallery puts on its sheet, caught before it is drawn."""
    caught: dict[str, Sequence[np.ndarray]] = {}
    monkeypatch.setattr(reporting_gallery, "contact_sheet", lambda path, title, rows: caught.update(rows))
    return caught


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


def test_the_highest_and_the_lowest_scores_are_shown_from_the_outermost_in_by_the_part_that_is_scored(
    tmp_path: Path, tiny_images: Images, shown_rows: dict[str, Sequence[np.ndarray]]
) -> None:
    scores = score_table(tiny_images, brightness)
    write_gallery(tmp_path / "gallery.png", "arm", MiddleMapper(), tiny_images, scores, 3)
    rising = 12 + np.argsort(brightness(tiny_images.pixels[12:]))
    highest, _, lowest, _ = shown_rows.values()
    np.testing.assert_array_equal(highest, tiny_images.pixels[rising[:-4:-1], 4:12, 4:12])
    np.testing.assert_array_equal(lowest, tiny_images.pixels[rising[:3], 4:12, 4:12])


def test_the_captions_count_the_abnormal_images(
    tmp_path: Path, tiny_images: Images, shown_rows: dict[str, Sequence[np.ndarray]]
) -> None:
    scores = score_table(tiny_images, brightness)
    scores["score"] = scores["label"] + scores["score"] / 1000
    write_gallery(tmp_path / "gallery.png", "arm", Recorder(), tiny_images, scores, 9)
    captions = list(shown_rows)
    assert captions[0] == "highest scores: 8 of 9 are abnormal"
    assert captions[2] == "lowest scores: 5 of 9 are abnormal"


def test_a_spot_above_the_scale_is_as_bright_as_can_be(
    tmp_path: Path, tiny_images: Images, shown_rows: dict[str, Sequence[np.ndarray]]
) -> None:
    pixels = np.zeros_like(tiny_images.pixels)
    pixels[:, 2, 3] = 255
    images = Images(pixels, tiny_images.index, {})
    write_gallery(tmp_path / "gallery.png", "arm", Recorder(), images, score_table(images, brightness), 3)
    heat = list(shown_rows.values())[1][0]
    assert heat.shape == (16, 16, 3)
    assert heat[0, 0].max() < 10
    red, green, blue = heat[2, 3].tolist()
    assert min(red, green) > 240
    assert blue < red
