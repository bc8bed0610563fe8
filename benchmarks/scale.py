"""How work on tables grows with the number of X-rays; ``python -m benchmarks.scale 1000000 10000000`` for others.

Each step runs in a process of its own on a drawn collection of that many X-rays, whose files need not be there: what is
read of them is the table that describes them, and the inventory.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import pandas as pd
from dvc.utils.hydra import apply_overrides

from pipeline import layout
from pipeline.data.inventory import make_inventory, write_inventory

ARM = "nih_ap"
ROOT = Path(__file__).parents[1]
SIZES = (100_000, 1_000_000)
PER_PATIENT = 4  # X-rays
SPLITS = ("train", "train", "train", "val", "test")  # one patient in five is for the test
STEPS = {
    # the collection's CSV and inventory to split.csv and its page
    "split": f"from stages import split_xrays; split_xrays.main('{ARM}')",
    # an array of one pixel per image: what grows is the index, its checks, and the folds of a search
    "index": f"from benchmarks.scale import index; index('{ARM}')",
    # the scores of one detector with one seed to figures with intervals from 2,000 resamples
    "metrics": f"from stages import compute_metrics; compute_metrics.main('{ARM}')",
}
MEASURED = """
import json, resource, time
start = time.perf_counter()
{step}
print(json.dumps([time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def run(sizes: Sequence[int] = SIZES) -> dict[str, float]:
    """Measure all steps at all sizes.

    Returns:
        For each step ``scale_<step>_seconds`` and ``scale_<step>_memory_mib`` at the larger size,
        ``scale_<step>_exponent``: the e of seconds ~ size^e between the two sizes (1 is linear), and what each further
        image takes: ``scale_<step>_microseconds_per_image`` and ``scale_<step>_bytes_per_image``.
    """
    few, many = sizes
    before, last = _steps(few), _steps(many)
    results: dict[str, float] = {}
    for step in STEPS:
        (seconds, memory), (seconds_of_few, memory_of_few) = last[step], before[step]
        results |= {
            f"scale_{step}_seconds": seconds,
            f"scale_{step}_memory_mib": memory,
            f"scale_{step}_exponent": log(seconds / seconds_of_few) / log(many / few),
            f"scale_{step}_microseconds_per_image": (seconds - seconds_of_few) / (many - few) * 1e6,
            f"scale_{step}_bytes_per_image": (memory - memory_of_few) / (many - few) * 2**20,
        }
    return results


def _steps(size: int) -> dict[str, tuple[float, float]]:
    """Seconds and peak memory in MiB of each step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = _collection(folder, size)
        _scores(folder, table)
        return {step: _measure(folder, code) for step, code in STEPS.items()}


def _collection(folder: Path, size: int) -> pd.DataFrame:
    """Write settings, a collection's CSV and its inventory; return the CSV's table."""
    numbers = np.arange(size)
    patients = numbers // PER_PATIENT
    abnormal = numbers % 7 == 0
    table = pd.DataFrame(
        {
            "path": [f"{number // 1000:05d}/{number:08d}.png" for number in numbers],
            "patient": [f"{patient:08d}" for patient in patients],
            "view": "AP",
            "findings": np.where(abnormal, "Infiltration", ""),
            "split": np.array(SPLITS)[patients % len(SPLITS)],
        }
    )
    root = folder / layout.RAW / "archive"
    root.mkdir(parents=True)
    table.to_csv(root / "xrays.csv", index=False)
    csv = folder / layout.inventory(ARM)
    listed = make_inventory(root, csv, folder / "scratch.json")
    files = pd.DataFrame({"path": table["path"], "bytes": 1, "md5": [f"{number:032x}" for number in numbers]})
    write_inventory(csv, pd.concat([listed, files], ignore_index=True))
    (folder / "arms").mkdir()
    for file in ("params.yaml", f"arms/{ARM}.yaml"):
        shutil.copy(ROOT / file, folder / file)
    lists = [f"arms={{slides: [], xrays: [{ARM}], folders: [], train: [{ARM}]}}", "seeds=[0]"]
    apply_overrides(folder / "params.yaml", [*lists, "detectors=[dpa]", "quick_detectors=[]"])
    own = ["split_xrays.collection=archive", "split_xrays.table=xrays.csv", "split_xrays.lists=null"]
    apply_overrides(folder / f"arms/{ARM}.yaml", own)
    return table


def _scores(folder: Path, table: pd.DataFrame) -> None:
    """Write what a detector might have made of the images of the validation and test splits."""
    seen = table[table["split"] != "train"]
    label = (seen["findings"] != "").astype(int)
    csv = folder / layout.scores(layout.run_name(ARM, "dpa", 0))
    csv.parent.mkdir(parents=True)
    pd.DataFrame(
        {
            "run": layout.run_name(ARM, "dpa", 0),
            "id": seen["path"],
            "group": seen["patient"],
            "source": seen["path"],
            "split": seen["split"],
            "label": label,
            "findings": seen["findings"],
            "score": np.random.default_rng(0).normal(size=len(seen)) + label,
        }
    ).to_csv(csv, index=False)


def index(arm: str) -> None:
    """Write an arm's prepared images, a pixel each, read them, and make the folds of a search."""
    from pipeline.arms import read_arm  # noqa: PLC0415  (in the process that is measured)
    from pipeline.data.images import read_images, write_images  # noqa: PLC0415
    from pipeline.data.xrays.splits import read_split  # noqa: PLC0415
    from pipeline.tuning.folds import kinds, known_anomalies, make_folds  # noqa: PLC0415

    split = read_split(layout.INTERIM / arm / "split.csv").assign(x=0, y=0)
    pixels = np.zeros((len(split), 1, 1, 1), np.uint8)
    write_images(layout.prepared(arm), [pixels], split, {})
    images, own = read_images(layout.prepared(arm)), read_arm(arm)
    known = known_anomalies(images.index, kinds(images.index, None), own.search, arm)
    make_folds(images.index, known, own.search, arm)


def _measure(folder: Path, code: str) -> tuple[float, float]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEASURED.format(step=code)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


if __name__ == "__main__":
    given = tuple(map(int, sys.argv[1:])) or SIZES
    print(json.dumps({name: round(value, 3) for name, value in run(given).items()}, indent=2))
