import numpy as np
import pytest

from pipeline.compute.remembered import Remembered


def images(*values: int) -> np.ndarray:
    return np.array(values, np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)


@pytest.fixture
def asked() -> list[int]:
    return []


def means_and_squares(asked: list[int], shown: np.ndarray) -> list[np.ndarray]:
    asked += shown[:, 0, 0, 0].tolist()
    means = shown.mean((1, 2, 3))
    return [means, means[:, None] ** 2]


def test_only_new_images_are_computed_and_all_stand_in_their_order(asked: list[int]) -> None:
    memory = Remembered(1000)
    memory.of("a", images(1, 2), lambda shown: means_and_squares(asked, shown))
    means, squares = memory.of("a", images(2, 3, 1), lambda shown: means_and_squares(asked, shown))
    assert means.tolist() == [2, 3, 1]
    assert squares.tolist() == [[4], [9], [1]]
    assert asked == [1, 2, 3]


def test_another_key_or_another_shape_of_the_same_bytes_is_something_else(asked: list[int]) -> None:
    memory = Remembered(1000)
    for key, shape in (("a", (1, 2, 2, 1)), ("b", (1, 2, 2, 1)), ("a", (1, 1, 4, 1))):
        memory.of(key, images(7).reshape(shape), lambda shown: means_and_squares(asked, shown))
    assert asked == [7, 7, 7]


def test_an_image_that_stands_twice_is_computed_once(asked: list[int]) -> None:
    means, _ = Remembered(1000).of("a", images(5, 5), lambda shown: means_and_squares(asked, shown))
    assert (means.tolist(), asked) == ([5, 5], [5])


def test_what_is_beyond_the_room_is_computed_anew_and_right(asked: list[int]) -> None:
    memory = Remembered(16)  # one mean and its square
    for _ in range(2):
        means, _ = memory.of("a", images(1, 2), lambda shown: means_and_squares(asked, shown))
        assert means.tolist() == [1, 2]
    assert asked == [1, 2, 2]
