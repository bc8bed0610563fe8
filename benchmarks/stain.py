"""Stain normalisation against staintools and against spams' converged optimum: ``python -m benchmarks.stain``.

Speed: median over tiles of the time of one tile in one thread, the two normalisers by turns. Accuracy: mean
absolute difference in grey levels between our tile and the tile made with the stains that spams finds when it is
given all tissue pixels and a long budget, for both the tile and the target; the same for staintools' tile (part of
whose difference is that it cuts off decimals instead of rounding). Where ``PIPELINE_REAL_DATA`` names a folder with
``tiles/``, real tiles are measured, too.
"""

import json
import os
import time
from pathlib import Path

import cv2
import numpy as np
import spams
from PIL import Image
from threadpoolctl import threadpool_limits

from pipeline.arms import read_arm
from pipeline.compute.seeding import generator
from pipeline.data.optical_density import OPTICAL_DENSITY
from pipeline.data.slides.settings import NormalizeTiles, Settings
from pipeline.data.stain import (
    Normalizer,
    TooLittleStainError,
    concentrations,
    learn_target,
    make_normalizer,
    recolour,
    standardize_brightness,
    strength,
)
from pipeline.demo.lymph_node import colours_of_a_laboratory, draw_tissue

SIDE = 768
TILES = 6
# Seconds that spams is given for one tile; staintools gives it one.
LONG_BUDGET = 3
REAL = Path(os.environ.get("PIPELINE_REAL_DATA", "absent")) / "tiles"


def run() -> dict[str, float]:
    """Measure.

    Returns:
        ``vahadane_speedup`` (times faster than staintools), ``vahadane_error_median`` and ``_worst`` and
        ``staintools_error_median`` and ``_worst`` (grey levels); with ``real_`` in front for real tiles.
    """
    cv2.setNumThreads(1)
    # with the rescaling by percentiles that staintools always does, so that both do the same work
    settings = read_arm("demo_slides").data_as(Settings).normalize_tiles.model_copy(update={"rescale_codes": True})
    target, *tiles = demo_tiles(TILES + 1)
    with threadpool_limits(1):
        results = measure(target, tiles, settings)
        if REAL.is_dir():
            target, *tiles = real_tiles(settings)
            results |= {f"real_{name}": value for name, value in measure(target, tiles, settings).items()}
    return results


def measure(target: np.ndarray, tiles: list[np.ndarray], settings: NormalizeTiles) -> dict[str, float]:
    """Measure on some tiles, uint8 RGB, with one of them as target."""
    by_staintools = settings.model_copy(update={"method": "staintools"})
    ours, theirs = (make_normalizer(learn_target(target, by), by) for by in (settings, by_staintools))
    speedup = float(np.median([_seconds(theirs, tile) / _seconds(ours, tile) for tile in tiles]))
    errors: dict[str, list[float]] = {"vahadane": [], "staintools": []}
    optimum = Optimum(target, settings)
    for number, tile in enumerate(tiles):
        best = optimum.transform(tile)
        errors["vahadane"].append(_difference(ours.normalize(tile, str(number)), best))
        errors["staintools"].append(_difference(theirs.normalize(tile, str(number)), best))
    summary = {"vahadane_speedup": round(speedup, 1)}
    for name, values in errors.items():
        summary[f"{name}_error_median"] = round(float(np.median(values)), 3)
        summary[f"{name}_error_worst"] = round(max(values), 3)
    return summary


def real_tiles(settings: NormalizeTiles) -> list[np.ndarray]:
    """Read the real tiles that have enough stain, the best target first."""
    tiles = {file.stem: np.asarray(Image.open(file).convert("RGB")) for file in sorted(REAL.iterdir())}
    kept = [tiles.pop("tiatoolbox_target")]
    for tile in tiles.values():
        try:
            learn_target(tile, settings)
        except TooLittleStainError:
            continue
        kept.append(tile)
    return kept


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


class Optimum:
    """Tiles as they would be if the stains were learned to the end."""

    def __init__(self, target: np.ndarray, settings: NormalizeTiles) -> None:
        self._settings = settings
        self._stains, amounts = self._separate(target)
        self._strength = strength(amounts)

    def transform(self, tile: np.ndarray) -> np.ndarray:
        """Return a tile, uint8 RGB, with the target's stains in the target's strength."""
        _, amounts = self._separate(tile)
        return recolour(amounts * (self._strength / strength(amounts)), self._stains, tile.shape)

    def _separate(self, tile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bright = standardize_brightness(tile, self._settings.brightness_percentile)
        stains = spams_stains(tile, self._settings)
        return stains, concentrations(bright, stains, self._settings.code_lambda)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def _seconds(normalizer: Normalizer, tile: np.ndarray) -> float:
    start = time.perf_counter()
    normalizer.normalize(tile, "timed")
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
