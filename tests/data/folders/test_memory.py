"""Peak memory of what reads a folder, from a thousand images to twenty thousand."""

import pytest

from benchmarks.folders import memory_growth


@pytest.mark.slow
def test_twenty_times_the_images_take_a_tenth_more_memory_at_most() -> None:
    assert {what: growth for what, growth in memory_growth().items() if growth > 1.1} == {}
