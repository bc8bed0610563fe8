import numpy as np
import pytest
import torch

from pipeline.detectors.ganomaly.settings import GanomalySettings
from pipeline.detectors.square_views import check_trained_side, over_views, square_side, trained_side
from pipeline.errors import PipelineError

CPU = torch.device("cpu")


def test_the_side_is_what_is_set_or_that_of_whole_images() -> None:
    images = np.zeros((1, 20, 20, 3), np.uint8)
    assert square_side(images, 3, 16, "dpa") == 16
    assert square_side(images, 3, None, "dpa") == 20


@pytest.mark.parametrize(
    ("shape", "side", "words"),
    [
        ((1, 20, 20, 1), 16, "images of 1 channels do not fit the network, which takes 3"),
        ((1, 20, 24, 3), None, r"images of 20×24 px are not square: set detectors\.dpa\.side"),
        ((1, 20, 12, 3), 16, r"images of 20×12 px are smaller than detectors\.dpa\.side, 16"),
        ((1, 20, 20, 3), None, "images of 20 px do not fit the network, which was trained on 16 px"),
    ],
)
def test_images_that_are_no_such_squares_are_refused(shape: tuple[int, ...], side: int | None, words: str) -> None:
    with pytest.raises(PipelineError, match=words):
        check_trained_side(np.zeros(shape, np.uint8), 3, side, 16, "dpa")


def test_the_side_in_a_models_file_is_one_that_its_network_can_have_been_trained_on() -> None:
    assert trained_side(16, GanomalySettings()) == trained_side(16, GanomalySettings(side=16)) == 16
    for wrong, settings in ((32, GanomalySettings(side=16)), (24, GanomalySettings()), (16.0, GanomalySettings())):
        with pytest.raises(ValueError, match=f"cannot have been trained on {wrong} px"):
            trained_side(wrong, settings)


def test_a_number_of_each_wanted_image_is_computed_of_its_middle() -> None:
    images = np.full((200, 6, 6, 1), 255, np.uint8)
    images[:, 1:5, 1:5] = np.arange(200, dtype=np.uint8)[:, None, None, None]
    found = over_views(images, np.array([199, 0, 51]), 4, CPU, lambda views: views.mean((1, 2, 3)))
    np.testing.assert_allclose(found, [199 / 127.5 - 1, -1, 51 / 127.5 - 1], atol=1e-6)
    assert found.dtype == np.float64
    assert over_views(images, np.arange(200), 4, CPU, lambda views: views[:, 0, 0, 0]).shape == (200,)
    assert over_views(images, np.arange(0), 4, CPU, lambda views: views[:, 0, 0, 0]).shape == (0,)
