"""Stain normalisation after Vahadane et al. 2016, in closed form and with the same result every time.

Beer–Lambert: the optical density −ln(I/255) of a pixel is C·S, with S (2, 3) the colours of haematoxylin and
eosin as unit rows and C how much of each there is. S is learned per tile and exchanged for the target's.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Self

import cv2
import numpy as np

from pipeline.compute.seeding import generator
from pipeline.data.optical_density import OPTICAL_DENSITY
from pipeline.data.steps import StainSteps
from pipeline.params.base import Settings

# Haematoxylin and eosin of Ruifrok & Johnston 2001, where dictionary learning starts.
RUIFROK = np.array([[0.650, 0.704, 0.286], [0.072, 0.990, 0.105]])
# Some tiles need more than 100 alternations; those that need more than 300 no longer change visibly.
MOST_ALTERNATIONS = 300
# Every so many pixels are learned from, one after the other: the many alternations from the fixed start are made on
# few pixels, and only the last ones on all.
COARSE_TO_FINE = (16, 4, 1)
# Change of a matrix entry per alternation at which learning has converged: what is left to go moves no grey level.
CONVERGED = 1e-5
# A tile with less tissue than this share of its pixels teaches no stains.
LEAST_TISSUE = 0.01
# The second singular value of the densities over the first: 0 for one colour in any strength, 0.05 for a tile almost
# without nuclei, 0.1–0.25 for usual ones. Below this there are no two colours to tell apart.
LEAST_SPREAD = 0.03


class TooLittleStainError(Exception):
    """Why the stains of a tile cannot be told apart; the text goes into the table of left out tiles."""


class TargetStains(Settings):
    """What a target has taught: all that normalisation needs of it.

    Attributes:
        matrix: Unit rows, the optical densities of haematoxylin and of eosin in red, green and blue.
        strength: The 99th percentile of the amounts of each; 1 where amounts are not rescaled.
    """

    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]
    strength: tuple[float, float]


class Normalizer(ABC):
    """Gives tiles the target's stains."""

    @abstractmethod
    def normalize(self, tile: np.ndarray, name: str) -> np.ndarray:
        """Normalise one tile.

        Args:
            tile: uint8 RGB (H, W, 3).
            name: The tile's stable name, from which its sampled pixels are drawn.

        Returns:
            uint8 RGB (H, W, 3).

        Raises:
            TooLittleStainError: If the tile's stains cannot be told apart.
        """

    def for_slide(self, tiles: Iterable[tuple[str, np.ndarray]], count: int) -> Self:
        """Learn what the tiles of a slide have in common: nothing, unless a subclass says otherwise.

        Args:
            tiles: Name and uint8 RGB (H, W, 3) of each tile.
            count: Their number.

        Returns:
            The normaliser for these tiles.

        Raises:
            TooLittleStainError: If the slide's stains cannot be told apart.
        """
        return self


class Unchanged(Normalizer):
    """Leaves the colours as they are."""

    def normalize(self, tile: np.ndarray, name: str) -> np.ndarray:
        """Return the tile itself."""
        return tile


class Vahadane(Normalizer):
    """Vahadane's normalisation with one stain matrix per tile, as in the paper, or per slide."""

    def __init__(self, target: TargetStains, settings: StainSteps):
        self._settings = settings
        self._slide_stains: np.ndarray | None = None
        self._target_stains = np.array(target.matrix, np.float32)
        self._target_strength = np.array(target.strength, np.float32)[:, None]

    def for_slide(self, tiles: Iterable[tuple[str, np.ndarray]], count: int) -> Self:
        """Learn one stain matrix from pixels of all tiles, if the settings say so."""
        if self._settings.stains_of == "tile":
            return self
        samples = []
        for name, tile in tiles:
            bright = standardize_brightness(tile, self._settings.brightness_percentile)
            try:
                samples.append(sample_density(bright, self._settings, name, -(-self._settings.sampled_pixels // count)))
            except TooLittleStainError:
                continue  # the other tiles of the slide may have enough
        if not samples:
            raise TooLittleStainError("too little stain: hardly any pixel of the slide's tiles is tissue")
        other = copy(self)
        other._slide_stains = learn_stains(np.hstack(samples), self._settings.dictionary_lambda)
        return other

    def normalize(self, tile: np.ndarray, name: str) -> np.ndarray:
        """See :meth:`Normalizer.normalize`."""
        bright = standardize_brightness(tile, self._settings.brightness_percentile)
        stains = self._slide_stains
        if stains is None:
            stains = stain_matrix(bright, self._settings, name)
        else:
            sample_density(bright, self._settings, name, 1)  # a tile without tissue is left out, too
        amounts = concentrations(bright, stains, self._settings.code_lambda)
        if self._settings.rescale_codes:
            amounts *= self._target_strength / strength(amounts)
        return recolour(amounts, self._target_stains, tile.shape)


class Staintools(Normalizer):
    """The normaliser of the package staintools, for comparison: not reproducible, since it learns by the clock."""

    def __init__(self, target: TargetStains, settings: StainSteps):
        from staintools import StainNormalizer  # noqa: PLC0415  (slow to import, and rarely wanted)

        self._settings = settings
        self._normalizer = StainNormalizer(method="vahadane")
        self._normalizer.stain_matrix_target = np.array(target.matrix)
        self._normalizer.maxC_target = np.array([target.strength])

    def normalize(self, tile: np.ndarray, name: str) -> np.ndarray:
        """See :meth:`Normalizer.normalize`."""
        with _staintools_errors():
            bright = standardize_brightness(tile, self._settings.brightness_percentile)
            return np.asarray(self._normalizer.transform(bright))


@contextmanager
def _staintools_errors() -> Iterator[None]:
    from staintools.miscellaneous.exceptions import TissueMaskException  # noqa: PLC0415

    try:
        # It divides by a percentile that may be zero and casts what comes out to uint8.
        with np.errstate(divide="raise", invalid="raise"):
            yield
    except (TissueMaskException, FloatingPointError) as error:
        raise TooLittleStainError("too little stain for staintools") from error


def learn_target(target: np.ndarray, settings: StainSteps) -> TargetStains | None:
    """Learn what tiles are given.

    Args:
        target: uint8 RGB (H, W, 3), a well stained region.
        settings: Name the method.

    Returns:
        The stains; None for the method ``none``.

    Raises:
        TooLittleStainError: If the target's own stains cannot be told apart.
    """
    if settings.method == "none":
        return None
    bright = standardize_brightness(target, settings.brightness_percentile)
    if settings.method == "staintools":
        return _learn_by_staintools(bright)
    matrix, strengths = stain_matrix(bright, settings, "target"), np.ones(2)
    if settings.rescale_codes:
        strengths = strength(concentrations(bright, matrix, settings.code_lambda)).ravel()
    return _target_stains(matrix, strengths)


def _learn_by_staintools(bright: np.ndarray) -> TargetStains:
    from staintools import StainNormalizer  # noqa: PLC0415

    normalizer = StainNormalizer(method="vahadane")
    with _staintools_errors():
        normalizer.fit(bright)
    return _target_stains(normalizer.stain_matrix_target, normalizer.maxC_target.ravel())


def _target_stains(matrix: np.ndarray, strengths: np.ndarray) -> TargetStains:
    haematoxylin, eosin = ((float(red), float(green), float(blue)) for red, green, blue in matrix)
    return TargetStains(matrix=(haematoxylin, eosin), strength=(float(strengths[0]), float(strengths[1])))


def make_normalizer(target: TargetStains | None, settings: StainSteps) -> Normalizer:
    """Make the normaliser that the settings name, from what :func:`learn_target` found; it can be pickled."""
    if target is None:
        return Unchanged()
    return (Vahadane if settings.method == "vahadane" else Staintools)(target, settings)


def standardize_brightness(tile: np.ndarray, percentile: float) -> np.ndarray:
    """Divide by a percentile of all values and clip, so that glass is white whatever the lamp.

    Args:
        tile: uint8 (H, W, 3).
        percentile: 0–100.

    Returns:
        A new array uint8 (H, W, 3).
    """
    # The percentile as numpy defines it, read off the histogram of the 256 values.
    below = np.cumsum(np.bincount(tile.ravel(), minlength=256))
    rank = percentile / 100 * (tile.size - 1)
    low, high = np.searchsorted(below, [np.floor(rank), np.ceil(rank)], side="right")
    white = max(low + (high - low) * (rank % 1), 1.0)
    return np.asarray(cv2.LUT(tile, np.minimum(np.arange(256) * (255 / white), 255).astype(np.uint8)))


def stain_matrix(tile: np.ndarray, settings: StainSteps, name: str) -> np.ndarray:
    """Learn the stains of a tile on a sample of its tissue pixels.

    Args:
        tile: uint8 RGB (H, W, 3), of standard brightness.
        name: The tile's stable name.

    Returns:
        See :func:`learn_stains`.

    Raises:
        TooLittleStainError: If there is too little tissue or but one colour.
    """
    return learn_stains(sample_density(tile, settings, name, settings.sampled_pixels), settings.dictionary_lambda)


def sample_density(tile: np.ndarray, settings: StainSteps, name: str, count: int) -> np.ndarray:
    """Return the optical densities of tissue pixels drawn from a tile.

    Args:
        tile: uint8 RGB (H, W, 3), of standard brightness.
        name: The tile's stable name.
        count: At most so many pixels.

    Returns:
        float64 (3, n).

    Raises:
        TooLittleStainError: If there is too little tissue.
    """
    luminosity = cv2.cvtColor(tile, cv2.COLOR_RGB2LAB)[..., 0] / np.float32(255)
    tissue = np.flatnonzero(luminosity < settings.luminosity_threshold)
    if len(tissue) < max(LEAST_TISSUE * luminosity.size, 2):
        raise TooLittleStainError("too little stain: hardly any pixel is tissue")
    if len(tissue) > count:
        tissue = generator(settings.seed, "stain", name).choice(tissue, count, replace=False)
    return np.asarray(OPTICAL_DENSITY[tile.reshape(-1, 3)[tissue].T], np.float64)


def learn_stains(density: np.ndarray, penalty: float) -> np.ndarray:
    """Learn the two stains of some pixels.

    Args:
        density: float64 (3, n), their optical densities.
        penalty: λ of :func:`learn_dictionary`.

    Returns:
        float32 (2, 3), non-negative unit rows: haematoxylin (the larger red density), then eosin.

    Raises:
        TooLittleStainError: If there is but one colour.
    """
    _, middle, largest = np.linalg.eigvalsh(density @ density.T)
    stains = learn_dictionary(density, penalty)
    if middle < LEAST_SPREAD**2 * largest or not stains.any(axis=1).all():
        raise TooLittleStainError("too little stain: only one colour was found")
    return stains[np.argsort(-stains[:, 0])].astype(np.float32)


def learn_dictionary(density: np.ndarray, penalty: float) -> np.ndarray:
    """Factor densities into two non-negative stains (Vahadane et al. 2016, eq. 4).

    Minimises mean over pixels of ½‖x − Dᵀa‖² + λ·(a₁ + a₂) over a ≥ 0, D ≥ 0, ‖d‖ ≤ 1, by turns in the codes a
    (closed form, all pixels at once) and the stains D (block coordinate descent, Mairal et al. 2009, alg. 2).

    Args:
        density: float64 (3, n), optical densities.
        penalty: λ.

    Returns:
        float64 (2, 3); unit rows, or a zero row for a stain that no pixel uses.
    """
    stains = RUIFROK / np.linalg.norm(RUIFROK, axis=1, keepdims=True)
    for step in COARSE_TO_FINE:
        stains = _alternate(stains, np.ascontiguousarray(density[:, ::step]), penalty)
    norms = np.linalg.norm(stains, axis=1, keepdims=True)
    return np.asarray(np.divide(stains, norms, out=np.zeros_like(stains), where=norms > 0))


def _alternate(stains: np.ndarray, density: np.ndarray, penalty: float) -> np.ndarray:
    """Take codes and stains by turns until the stains stay."""
    for _ in range(MOST_ALTERNATIONS):
        codes = sparse_codes(stains, density, penalty)
        before, stains = stains, _update_stains(stains, codes @ codes.T, codes @ density.T)
        if np.abs(stains - before).max() < CONVERGED:
            break
    return stains


def _update_stains(stains: np.ndarray, gram: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """One pass over both rows: the minimiser for one while the other stands, projected to D ≥ 0, ‖d‖ ≤ 1."""
    updated = stains.copy()
    for row in (0, 1):
        if gram[row, row] > 0:
            step = updated[row] + (cross[row] - gram[row] @ updated) / gram[row, row]
            step = np.maximum(step, 0)
            updated[row] = step / max(float(np.linalg.norm(step)), 1.0)
    return updated


def sparse_codes(stains: np.ndarray, density: np.ndarray, penalty: float) -> np.ndarray:
    """Solve the non-negative lasso with two atoms: argmin over a ≥ 0 of ½‖x − Dᵀa‖² + λ·(a₁ + a₂).

    With b = Dx − λ and G = DDᵀ the minimum without the constraint is G⁻¹b. If one of its entries is negative,
    that code is zero and the other is max(b/g, 0): since D ≥ 0, G has no negative entry, and the conditions of
    optimality hold.

    Args:
        stains: D, float (2, 3), non-negative.
        density: x, float (3, n).
        penalty: λ.

    Returns:
        a, (2, n), of the type of ``density``.
    """
    gram = stains @ stains.T
    (first, both), (_, second) = gram
    target = stains @ density - penalty
    determinant = first * second - both * both
    if determinant <= 1e-12:
        # Parallel rows: one code explains all that two could. The longer row needs the smaller code.
        codes = np.zeros_like(target)
        longer = int(second > first)
        codes[longer] = np.maximum(target[longer] / max(gram[longer, longer], 1e-12), 0)
        return np.asarray(codes)
    inverse = np.array([[second, -both], [-both, first]]) / determinant
    free = inverse.astype(density.dtype) @ target
    alone = target / np.diag(gram)[:, None]
    codes = np.where(free[::-1] < 0, alone, free)
    return np.asarray(np.maximum(codes, 0, out=codes))


def concentrations(tile: np.ndarray, stains: np.ndarray, penalty: float) -> np.ndarray:
    """Return the amount of each stain in each pixel.

    Args:
        tile: uint8 RGB (H, W, 3).
        stains: float32 (2, 3).
        penalty: λ of the lasso.

    Returns:
        float32 (2, H·W), non-negative.
    """
    density = cv2.LUT(tile, OPTICAL_DENSITY).reshape(-1, 3).T
    return sparse_codes(stains, density, penalty)


def strength(amounts: np.ndarray) -> np.ndarray:
    """Return the 99th percentile of each stain's amounts, (2, 1), by which staintools rescales.

    Raises:
        TooLittleStainError: If a stain hardly occurs, which rescaling would blow up.
    """
    percentiles = np.percentile(amounts, 99, axis=1, keepdims=True).astype(np.float32)
    if percentiles.min() < 0.01:
        raise TooLittleStainError("too little stain: the 99th percentile of one stain is zero")
    return np.asarray(percentiles)


def recolour(amounts: np.ndarray, stains: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the picture 255·exp(−C·S) of stain amounts.

    Args:
        amounts: float32 (2, H·W).
        stains: float32 (2, 3).
        shape: (H, W, 3).

    Returns:
        uint8 RGB (H, W, 3).
    """
    density = amounts.T @ stains
    picture = np.exp(np.negative(density, out=density), out=density)
    return np.asarray(np.rint(np.multiply(picture, 255, out=picture)), np.uint8).reshape(shape)
