"""How fast X-rays are prepared, against the plain order of operations in Pillow; ``python -m benchmarks.xrays``."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from pipeline.compute.seeding import generator
from pipeline.data.image_status import image_status
from pipeline.data.thumbnails import make_thumbnails
from pipeline.data.xrays.prepared_arm import prepare_images
from pipeline.data.xrays.settings import EqualizeXrays

SIDE = 1024  # as in NIH ChestX-ray14
DRAWN = 60
FEW_FILES, FILES = 300, 2300  # links to the drawn ones
ROUNDS = 2
FEW, MANY = 1000, 20_000
SETTINGS = EqualizeXrays(
    thumbnail_size=300, crop_size=224, equalization="histogram", working_size=64, allowed_failures=0.0
)
ROOT = Path(__file__).parents[1]


def run() -> dict[str, float]:
    """Time both ways in turn.

    Returns:
        Images per second relative to the reference in one process, ``xray_speedup_1_worker`` and
        ``xray_speedup_2_workers``, from files to the arm's array. Both by the 2,000 images that the larger of two
        collections has more, so that the start of the processes, paid once per collection, does not count; so is
        ``xray_images_per_second_1_worker``. ``xray_three_arms_cost``: the time of three arms over that of one;
        ``xray_memory_growth``: peak memory with 20,000 images over that with 1,000.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = [write_film(folder / f"{i:03d}.png", i) for i in range(DRAWN)]
        seconds: dict[str, list[float]] = {"reference": [], "1": [], "2": [], "three": []}
        collections = {count: collection(folder / f"some-{count}", films, count) for count in (FEW_FILES, FILES)}
        for number in range(ROUNDS):
            for way, measured in seconds.items():
                few, many = (_seconds(folder, way, number, files) for files in collections.values())
                measured.append(many - few)
        memory = {count: _memory(folder / f"{count}", films, count) for count in (FEW, MANY)}
    middle = {way: median(times) for way, times in seconds.items()}
    return {
        "xray_images_per_second_1_worker": (FILES - FEW_FILES) / middle["1"],
        "xray_speedup_1_worker": middle["reference"] / middle["1"],
        "xray_speedup_2_workers": middle["reference"] / middle["2"],
        "xray_three_arms_cost": middle["three"] / middle["2"],
        "xray_memory_growth": memory[MANY] / memory[FEW],
    }


def _seconds(folder: Path, way: str, number: int, files: pd.DataFrame) -> float:
    """Time one way through one collection; all ways give the same pixels."""
    root = folder / f"some-{len(files)}"
    start = time.perf_counter()
    if way == "reference":
        prepared = np.stack([reference(root / source) for source in files["source"]])
    else:
        workers, arms = {"1": (1, 1), "2": (2, 1), "three": (2, 3)}[way]
        for _ in range(arms):
            prepared = prepare(root, files, folder / f"scratch-{way}-{number}-{len(files)}", workers)
    spent = time.perf_counter() - start
    checked = [reference(root / source) for source in files["source"][:: len(files) // 20]]
    assert np.array_equal(prepared[:: len(files) // 20], np.stack(checked)), f"{way} gives other pixels"
    return spent


def reference(file: Path) -> np.ndarray:
    """Prepare one film as a script would; uint8 (64, 64, 1)."""
    image = Image.open(file).convert("L").resize((300, 300), Image.Resampling.BILINEAR)
    image = ImageOps.equalize(image.crop((38, 38, 262, 262)))
    return np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR))[..., np.newaxis]


def prepare(root: Path, files: pd.DataFrame, scratch: Path, workers: int) -> np.ndarray:
    """Prepare all films of a collection our way; uint8 (N, 64, 64, 1)."""
    thumbnails = make_thumbnails(root, files, files.rename(columns={"source": "path"}), 300, scratch, workers)
    return np.concatenate(list(prepare_images(image_status(files, thumbnails), thumbnails, SETTINGS)))


def collection(root: Path, films: list[Path], count: int) -> pd.DataFrame:
    """Put films under many names; the columns ``source``, ``bytes`` and ``md5`` of an inventory, and ``id``."""
    root.mkdir()
    sources = [f"{number:05d}.png" for number in range(count)]
    for number, source in enumerate(sources):
        os.link(films[number % len(films)], root / source)
    sizes = [(root / source).stat().st_size for source in sources]
    return pd.DataFrame({"id": sources, "source": sources, "bytes": sizes, "md5": "0"})


def _memory(folder: Path, films: list[Path], count: int) -> float:
    """Return the peak memory in MiB of main process and one worker."""
    collection(folder, films, count)
    command = [sys.executable, "-m", "benchmarks.xrays", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout.splitlines()[-1])


def _measure_memory(root: Path) -> None:
    sources = sorted(path.name for path in root.iterdir())
    sizes = [(root / source).stat().st_size for source in sources]
    files = pd.DataFrame({"id": sources, "source": sources, "bytes": sizes, "md5": "0"})
    inventory = files.rename(columns={"source": "path"})
    thumbnails = make_thumbnails(root, files, inventory, 300, root.parent / f"scratch-{root.name}", 2)
    for _ in prepare_images(image_status(files, thumbnails), thumbnails, SETTINGS):
        pass
    peaks = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(sum(peaks))


def write_film(file: Path, number: int) -> Path:
    """Write smooth shapes with film noise, which compress about as well as an X-ray."""
    rng = generator(0, "benchmark film", str(number))
    shapes = cv2.resize(rng.uniform(20, 230, (9, 9)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    film = np.clip(shapes + rng.normal(0, 1.5, (SIDE, SIDE)), 0, 255).astype(np.uint8)
    Image.fromarray(film).save(file, compress_level=3)
    return file


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _measure_memory(Path(sys.argv[1]))
    else:
        print(json.dumps(run(), indent=2))
