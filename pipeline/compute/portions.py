"""How many images are read into memory together."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

AT_ONCE = 1024  # images, at most
MOST = 2**26  # bytes, at most: in float64 they are eight times as many
LEAST = 64  # images, whatever their size: a network is shown as many


class Digest(Protocol):
    """A checksum that grows, as hashlib has them."""

    def update(self, data: memoryview, /) -> None:
        """Take in more."""


def portions(images: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows in order, as many at a time as may lie in memory together.

    Args:
        images: (N, H, W, C), memory-mapped or not.
        rows: Which ones, int64 (n,).
    """
    fitting = MOST // images[:1].nbytes if len(images) else AT_ONCE
    count = min(AT_ONCE, max(LEAST, fitting // LEAST * LEAST))  # whole batches, as without a limit
    for start in range(0, len(rows), count):
        yield rows[start : start + count]


def update_with(digest: Digest, values: np.ndarray) -> None:
    """Take an array into a checksum, its shape and its content, a portion at a time."""
    digest.update(memoryview(str(values.shape).encode()))
    for portion in portions(values, np.arange(len(values))):
        digest.update(np.ascontiguousarray(values[portion]).data)
