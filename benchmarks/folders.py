"""What a folder of many images costs; ``python -m benchmarks.folders``."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.shipped import shipped, write

FEW, MANY, VERY_MANY = 1000, 20_000, 100_000
SIDE = 64
ARM = "many"
ROOT = Path(__file__).parents[1]


def run() -> dict[str, float]:
    """Draw folders of images, list them twice and prepare them.

    Returns:
        ``folder_second_check_cost``: the time of `make check-data` on 100,000 listed files over that of the first time;
        ``folder_second_check_seconds``: the same in seconds; ``folder_memory_growth``: peak memory of the stage with
        20,000 images over that with 1,000; ``folder_check_memory_growth``: the same of the second check-data.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_arm(folder, VERY_MANY)
        first, second = (_spent(folder, "pipeline", "check-data")[0] for _ in range(2))
    return {
        "folder_second_check_cost": second / first,
        "folder_second_check_seconds": second,
        **memory_growth(),
    }


def memory_growth() -> dict[str, float]:
    """Measure what of :func:`run` is of memory."""
    memory = {}
    with tempfile.TemporaryDirectory() as name:
        for count in (FEW, MANY):
            folder = Path(name, str(count))
            _make_arm(folder, count)
            _spent(folder, "pipeline", "check-data")
            check, stage = _spent(folder, "pipeline", "check-data"), _spent(folder, "stages.prepare_folder", ARM)
            memory[count] = (check[1], stage[1])
    check_growth, stage_growth = (many / few for many, few in zip(memory[MANY], memory[FEW], strict=True))
    return {"folder_check_memory_growth": check_growth, "folder_memory_growth": stage_growth}


def _make_arm(folder: Path, count: int) -> None:
    """Write a project of one arm and draw its images."""
    files = {"params.yaml": shipped()["params.yaml"], f"arms/{ARM}.yaml": shipped()["arms/images.yaml"]}
    files["params.yaml"]["arms"] = {"slides": [], "xrays": [], "folders": [ARM], "train": [ARM]}
    write(files, folder)
    _draw(folder / "data/raw" / ARM, count)


def _draw(folder: Path, count: int) -> None:
    """Write images that differ, a tenth of them for the test, laid out as MVTec AD is."""
    for number in range(count):
        place = "train/good" if number % 10 else ("test/good" if number % 20 else "test/bad")
        file = folder / place / f"{number:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((SIDE, SIDE), number % 251, np.uint8)
        pixels.flat[:8] = np.frombuffer(np.int64(number).tobytes(), np.uint8)
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "PNG", compress_level=1)
        file.write_bytes(content.getvalue())


def _spent(folder: Path, module: str, *words: str) -> tuple[float, int]:
    """Run a module there: seconds, and peak memory of its process alone."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PIPELINE_WORKERS": "1"}
    command = [sys.executable, "-c", PEAK, module, *words]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)  # noqa: S603
    return time.perf_counter() - start, int(done.stdout.splitlines()[-1])


PEAK = """
import resource, runpy, sys
if __name__ == "__main__":
    module = sys.argv[1]
    sys.argv = sys.argv[1:]
    try:
        runpy.run_module(module, run_name="__main__")
    except SystemExit as done:
        if done.code:
            raise
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
