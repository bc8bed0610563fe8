import hashlib

import numpy as np
import pytest

from pipeline.compute.portions import portions, update_with

ROWS = np.arange(3000)[::-1]


def large(side: int) -> np.ndarray:
    """Many images that take no memory."""
    return np.broadcast_to(np.uint8(0), (3000, side, side, 3))


@pytest.mark.parametrize(
    ("side", "counts"),
    [
        (64, [1024, 1024, 952]),  # 12.6 MB at a time
        (224, [384] * 7 + [312]),  # 445 of 151 kB would fit
        (768, [64] * 46 + [56]),  # 37 would
    ],
)
def test_large_images_are_read_fewer_at_a_time_in_whole_batches(side: int, counts: list[int]) -> None:
    parts = list(portions(large(side), ROWS))
    assert [len(part) for part in parts] == counts
    assert np.array_equal(np.concatenate(parts), ROWS)


def test_of_no_images_there_is_no_portion() -> None:
    assert not list(portions(large(64)[:0], ROWS[:0]))


@pytest.mark.parametrize("shape", [(2500, 4, 4, 3), (1024,), (7, 2), (0,)])
def test_a_checksum_by_portions_is_that_of_the_whole(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    by_portions, whole = hashlib.sha256(), hashlib.sha256(f"{shape}".encode() + values.tobytes())
    update_with(by_portions, values)
    assert by_portions.digest() == whole.digest()
