"""How fast X-rays are prepared, against the plain order of operations in Pillow; ``python -m benchmarks.xrays``."""

import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from PIL import Image, ImageOps

from pipeline.params.xrays import EqualizeXrays
from pipeline.seeding import generator
from pipeline.workers import process_all
from pipeline.xrays.images import prepare_image

SIDE = 1024  # as in NIH ChestX-ray14
FILES = 60
PASSES = 3  # over the files in one timing
ROUNDS = 3
SETTINGS = EqualizeXrays(
    thumbnail_size=300, crop_size=224, equalization="histogram", working_size=64, allowed_failures=0.0
)


def run() -> dict[str, float]:
    """Time both ways in turn.

    Returns:
        Images per second relative to the reference in one process: ``xray_speedup_1_worker``,
        ``xray_speedup_2_workers``. Ours is timed from its first result on: the one or two seconds that worker
        processes take to start are paid once per arm, not per image.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [_write_film(Path(folder) / f"{i:03d}.png", i) for i in range(FILES)] * PASSES
        ways: dict[str, Callable[[], Iterator[np.ndarray]]] = {
            "reference": lambda: map(reference, files),
            "xray_speedup_1_worker": lambda: _ours(files, 1),
            "xray_speedup_2_workers": lambda: _ours(files, 2),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        results: dict[str, list[np.ndarray]] = {}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                prepared = way()
                first = next(prepared)
                start = time.perf_counter()
                results[name] = [first, *prepared]
                seconds[name].append(time.perf_counter() - start)
    for name in ways:
        assert np.array_equal(results[name], results["reference"]), f"{name} gives other pixels"
    slow = median(seconds.pop("reference"))
    return {name: round(slow / median(times), 2) for name, times in seconds.items()}


def reference(file: Path) -> np.ndarray:
    """Prepare one film as a script would; uint8 (64, 64, 1)."""
    image = Image.open(file).convert("L").resize((300, 300), Image.Resampling.BILINEAR)
    image = ImageOps.equalize(image.crop((38, 38, 262, 262)))
    return np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR))[..., np.newaxis]


def _ours(files: list[Path], workers: int) -> Iterator[np.ndarray]:
    return process_all(partial(prepare_image, settings=SETTINGS), files, workers, "X-rays")


def _write_film(file: Path, number: int) -> Path:
    """Write smooth shapes with film noise, which compress about as well as an X-ray."""
    rng = generator(0, "benchmark film", str(number))
    shapes = cv2.resize(rng.uniform(20, 230, (9, 9)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    film = np.clip(shapes + rng.normal(0, 1.5, (SIDE, SIDE)), 0, 255).astype(np.uint8)
    Image.fromarray(film).save(file, compress_level=3)
    return file


if __name__ == "__main__":
    for name, value in run().items():
        print(f"{name}: {value}")
