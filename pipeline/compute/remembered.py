"""What was computed of single images before, in memory, for those who fit many detectors to the same images."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np


class Remembered:
    """Arrays by the content of the image that they belong to.

    Args:
        room: Bytes that they may take; what is beyond that is computed anew.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._arrays: dict[bytes, list[np.ndarray]] = {}

    def of(
        self, key: str, images: np.ndarray, compute: Callable[[np.ndarray], Sequence[np.ndarray]]
    ) -> list[np.ndarray]:
        """Return what belongs to some images, computed for those that are new.

        Args:
            key: All that the arrays depend on beside an image.
            images: uint8 (n, H, W, C).
            compute: Makes of m images arrays (m, ...).

        Returns:
            Arrays (n, ...).
        """
        head = f"{key} {images.shape[1:]}".encode()
        names = [hashlib.sha256(head + image.tobytes()).digest() for image in images]
        found = {name: self._arrays[name] for name in names if name in self._arrays}
        new = {name: row for row, name in enumerate(names) if name not in found}
        if new:
            made = compute(images[list(new.values())])
            for place, name in enumerate(new):
                found[name] = [array[place].copy() for array in made]
                self._keep(name, found[name])
        return [np.stack(parts) for parts in zip(*(found[name] for name in names), strict=True)]

    def _keep(self, name: bytes, arrays: list[np.ndarray]) -> None:
        needed = sum(array.nbytes for array in arrays)
        if needed <= self._room:
            self._room -= needed
            self._arrays[name] = arrays
