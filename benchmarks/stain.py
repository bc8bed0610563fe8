"""Stain normalisation against staintools and against spams' converged optimum: ``python -m benchmarks.stain``.

Speed: median over tiles of the time of one tile in one thread, the two normalisers by turns. Accuracy: mean
absolute difference in grey levels between our tile and the tile made with the stains that spams finds when it is
given all tissue pixels and a long budget, for both the tile and the target.
"""

import json
import time

import cv2
import numpy as np
import spams
from threadpoolctl import threadpool_limits

from pipeline.demo.lymph_node import colours_of_a_laboratory, draw_tissue
from pipeline.params import NormalizeTiles, read_params
from pipeline.seeding import generator
from pipeline.slides.stain import (
    OPTICAL_DENSITY,
    Staintools,
    Vahadane,
    concentrations,
    recolour,
    standardize_brightness,
)

SIDE = 768
TILES = 6
# Seconds that spams is given for one tile; staintools gives it one.
LONG_BUDGET = 3


def run() -> dict[str, float]:
    """Measure.

    Returns:
        ``vahadane_speedup`` (times faster than staintools) and ``vahadane_error_median`` and
        ``vahadane_error_worst`` (grey levels).
    """
    cv2.setNumThreads(1)
    settings = read_params().normalize_tiles["demo_slides"]
    target, *tiles = demo_tiles(TILES + 1)
    with threadpool_limits(1):
        ours, theirs = Vahadane(target, settings), Staintools(target, settings)
        speedup = float(np.median([_seconds(theirs, tile) / _seconds(ours, tile) for tile in tiles]))
        best = spams_stains(target, settings)
        errors = [_error(ours.normalize(tile, str(i)), tile, best, settings) for i, tile in enumerate(tiles)]
    return {
        "vahadane_speedup": round(speedup, 1),
        "vahadane_error_median": round(float(np.median(errors)), 3),
        "vahadane_error_worst": round(max(errors), 3),
    }


def demo_tiles(count: int) -> list[np.ndarray]:
    """Draw tiles uint8 RGB (768, 768, 3), every other one of tumour, each in the colours of a laboratory of its own."""
    tiles = []
    for number in range(count):
        rng = generator(0, "stain benchmark", str(number))
        whole, none = np.full((SIDE, SIDE), 255, np.uint8), np.zeros((SIDE, SIDE), np.uint8)
        stains = draw_tissue(none, whole, rng) if number % 2 else draw_tissue(whole, none, rng)
        tiles.append(colours_of_a_laboratory(*stains, rng))
    return tiles


def spams_stains(tile: np.ndarray, settings: NormalizeTiles) -> np.ndarray:
    """Return the stains of a tile, float32 (2, 3), that spams finds from all tissue pixels in the long budget."""
    bright = standardize_brightness(tile, settings.brightness_percentile)
    luminosity = cv2.cvtColor(bright, cv2.COLOR_RGB2LAB)[..., 0] / 255
    density = OPTICAL_DENSITY[bright[luminosity < settings.luminosity_threshold]].T.astype(np.float64)
    learned = spams.trainDL(
        X=np.asfortranarray(density),
        K=2,
        lambda1=settings.dictionary_lambda,
        mode=2,
        modeD=0,
        posAlpha=True,
        posD=True,
        iter=-LONG_BUDGET,
        numThreads=1,
        verbose=False,
    ).T
    unit = learned / np.linalg.norm(learned, axis=1, keepdims=True)
    return np.asarray(unit[np.argsort(-unit[:, 0])], np.float32)


def _error(ours: np.ndarray, tile: np.ndarray, target_stains: np.ndarray, settings: NormalizeTiles) -> float:
    bright = standardize_brightness(tile, settings.brightness_percentile)
    amounts = concentrations(bright, spams_stains(tile, settings), settings.code_lambda)
    best = recolour(amounts, target_stains, tile.shape)
    return float(np.abs(ours.astype(float) - best).mean())


def _seconds(normalizer: Vahadane | Staintools, tile: np.ndarray) -> float:
    start = time.perf_counter()
    normalizer.normalize(tile, "timed")
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
