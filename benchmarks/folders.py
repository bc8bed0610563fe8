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
ROOT = Path(__file__).parents[1]


def run() -> dict[str, float]:
    """Draw folders of images, list them twice and prepare them.

    Returns:
        ``folder_second_check_cost``: the time of `make check-data` on 100,000 listed files over that of the first time;
        ``folder_second_check_seconds``: the same in seconds; ``folder_memory_growth``: peak memory of the stage with
        20,000 images over that with 1,000.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (FEW, MANY, VERY_MANY):
            _draw(folder / f"data/raw/of_{count}", count)
        content = {"params.yaml": shipped()["params.yaml"]}
        arms = {f"of_{count}": shipped()["arms/images.yaml"] for count in (FEW, MANY, VERY_MANY)}
        content["params.yaml"]["arms"] = {"slides": [], "xrays": [], "folders": [*arms], "train": [f"of_{FEW}"]}
        write({**content, **{f"arms/{arm}.yaml": settings for arm, settings in arms.items()}}, folder)
        first, second = (_spent(folder, "pipeline", "check-data")[0] for _ in range(2))
        memory = {count: _spent(folder, "stages.prepare_folder", f"of_{count}")[1] for count in (FEW, MANY)}
    return {
        "folder_second_check_cost": second / first,
        "folder_second_check_seconds": second,
        "folder_memory_growth": memory[MANY] / memory[FEW],
    }


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
