import errno
import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from pipeline.errors import LONGEST, words_of


def test_what_pillow_says_of_a_file_in_memory_holds_no_address() -> None:
    with pytest.raises(UnidentifiedImageError, match="0x") as caught:
        Image.open(io.BytesIO(b"no picture"))
    assert words_of(caught.value) == "cannot identify image file"


def test_what_opencv_says_does_not_name_the_folders_that_it_was_built_in() -> None:
    with pytest.raises(cv2.error) as caught:
        cv2.resize(np.empty((0, 0), np.uint8), (2, 2))
    assert "resize.cpp" in words_of(caught.value)
    assert "/" not in words_of(caught.value)
    assert "\n" not in words_of(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data/raw/a.tif has 0.25 µm/px", "data/raw/a.tif has 0.25 µm/px"),
        ("at 0x7f8efc9612d0", "at"),
        ("bad magic 0x4949", "bad magic 0x4949"),
        ("two\nlines", "two lines"),
    ],
)
def test_addresses_and_ends_of_lines_are_lost_and_nothing_else(text: str, words: str) -> None:
    assert words_of(ValueError(text)) == words


def test_what_a_library_says_at_length_is_cut() -> None:
    assert words_of(ValueError("a" * 10_000)) == "a" * LONGEST


def test_paths_lose_the_folders_of_the_machine(tmp_path: Path) -> None:
    read = OSError(errno.EIO, "Input/output error", str(tmp_path / "a.tif"))
    assert words_of(read) == "[Errno 5] Input/output error: 'a.tif'"
    assert words_of(ValueError(f"'../a.tif' leaves ({tmp_path / 'x'})")) == "'../a.tif' leaves (x)"
