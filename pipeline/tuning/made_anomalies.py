"""Anomalies that are made, for arms that know of none: a patch of another normal image is blended in.

After foreign patch interpolation (Tan, Hou, Batten, Qiu & Kainz 2020), which trains with such images; that made
anomalies can choose among detectors where no real ones are known, and how far, is the subject of Fung, Qiu, Li &
Rudolph (2023).
"""

from typing import Any

import numpy as np

from pipeline.compute.seeding import generator

SIDES = 0.1, 0.4  # of the square that is seen: the shortest and the longest side of a patch
SHARES = 0.5, 1.0  # of the other image in it, the least and the greatest: what is hardly there tells nothing apart


class WithMade:
    """The images of an arm, and behind them one made of each: row N + i is image i with a patch of another one.

    Args:
        images: uint8 (N, H, W, C), memory-mapped or not.
        others: The image that each takes its patch from, int64 (N,).
        names: Of the images, from which size, place and strength of the patch are drawn; str (N,).
        side: Of the central square that every detector sees, in pixels.
        seed: Of the draws.
    """

    def __init__(self, images: np.ndarray, others: np.ndarray, names: np.ndarray, side: int, seed: int) -> None:
        self._images, self._others, self._names, self._side, self._seed = images, others, names, side, seed
        self.shape, self.ndim, self.dtype = (2 * len(images), *images.shape[1:]), images.ndim, images.dtype

    def __len__(self) -> int:
        return 2 * len(self._images)

    def __getitem__(self, rows: Any) -> np.ndarray:
        numbers = np.atleast_1d(np.arange(len(self))[rows])
        return np.stack([self._image(int(number)) for number in numbers])

    def _image(self, number: int) -> np.ndarray:
        count = len(self._images)
        if number < count:
            return np.asarray(self._images[number])
        return self._made(number - count)

    def _made(self, number: int) -> np.ndarray:
        made, other = np.array(self._images[number]), self._images[self._others[number]]
        draws = generator(self._seed, "made anomaly", str(self._names[number]))
        height, width = (max(1, round(self._side * draws.uniform(*SIDES))) for _ in range(2))
        top, left = (
            (whole - self._side) // 2 + int(draws.integers(self._side - size + 1))
            for whole, size in ((made.shape[0], height), (made.shape[1], width))
        )
        where, share = (slice(top, top + height), slice(left, left + width)), draws.uniform(*SHARES)
        made[where] = np.rint((1 - share) * made[where] + share * other[where])
        return made
