"""The slide branch as a whole: speed, memory, and how both grow with the number of slides.

``python -m benchmarks.slides`` draws a few slides, puts them under many names, and runs the stages from masks to the
prepared array in a process of their own.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from dvc.utils.hydra import apply_overrides

from pipeline.data.inventory import make_inventory
from pipeline.demo.slides import make_slides
from pipeline.params.demo import DemoSlides

ARM = "demo_slides"
ROOT = Path(__file__).parents[1]
SIZE = 4608
FEW, SOME, MANY = 4, 20, 40
# Runs the stages and prints seconds, and MiB of the main process and of the largest worker.
MEASURED = """
import json, resource, time
from stages import normalize_tiles, sample_tiles, show_slides, tissue_masks
start = time.perf_counter()
for stage in (tissue_masks, sample_tiles, normalize_tiles, show_slides):
    stage.main("demo_slides")
own, workers = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps([time.perf_counter() - start, own, workers]))
"""


def run() -> dict[str, float]:
    """Measure.

    Returns:
        ``slides_tiles_per_second_1_worker`` and ``_2_workers``; ``slides_memory_mib`` (of main process and two workers
        with 40 slides) and ``slides_memory_growth`` (over that with 4: 1 is flat); ``slides_cost_growth`` (seconds per
        further slide between 20 and 40 over those between 4 and 20: 1 is flat).
    """
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "drawn"
        make_slides(drawn, DemoSlides(normal=2, tumour=1, test_normal=1, test_tumour=1, blank=0, size=SIZE), 0, 2)
        one = {count: _measure(Path(folder) / f"{count}-1", drawn, count, 1) for count in (FEW, SOME, MANY)}
        two = {count: _measure(Path(folder) / f"{count}-2", drawn, count, 2) for count in (FEW, MANY)}
    seconds = {count: result["seconds"] for count, result in one.items()}
    first, later = (seconds[SOME] - seconds[FEW]) / (SOME - FEW), (seconds[MANY] - seconds[SOME]) / (MANY - SOME)
    return {
        "slides_tiles_per_second_1_worker": one[MANY]["tiles"] / seconds[MANY],
        "slides_tiles_per_second_2_workers": two[MANY]["tiles"] / two[MANY]["seconds"],
        "slides_memory_mib": two[MANY]["memory"],
        "slides_memory_growth": two[MANY]["memory"] / two[FEW]["memory"],
        "slides_cost_growth": later / first,
    }


def _measure(folder: Path, drawn: Path, count: int, workers: int) -> dict[str, float]:
    """Run the branch on ``count`` normal training slides and two test slides."""
    raw = folder / "data/raw" / ARM
    raw.mkdir(parents=True)
    rows = ["path,role,annotation,group"]
    for number in range(count):
        rows.append(f"slide_{number:03}.tif,train,,")
        slide = (drawn / f"training/normal/normal_00{1 + number % 2}.tif").read_bytes()
        # some bytes more, since of slides of one content only the first is used
        (raw / f"slide_{number:03}.tif").write_bytes(slide + number.to_bytes(4, "big"))
    for line in (drawn / "testing/reference.csv").read_text(encoding="utf-8").splitlines():
        name, label = line.split(",")[:2]
        outlines = f"{name}.xml" if label == "Tumor" else ""
        rows.append(f"{name}.tif,{'test_tumour' if outlines else 'test_normal'},{outlines},")
        _link(drawn / f"testing/images/{name}.tif", raw / f"{name}.tif")
        if outlines:
            _link(drawn / f"testing/lesion_annotations/{outlines}", raw / outlines)
    (raw / "slides.csv").write_text("\n".join(rows), encoding="utf-8")
    make_inventory(raw, folder / f"data/raw/inventory/{ARM}.csv", folder / f".cache/inventory/{ARM}.json")
    (folder / "arms").mkdir()
    for file in ("params.yaml", f"arms/{ARM}.yaml"):
        (folder / file).write_bytes((ROOT / file).read_bytes())
    target = "{file: slide_000.tif, region: {x: 1536, y: 1536, size: 1536}}"
    settings = {
        "collection.table": "slides.csv",
        "collection.validation_tumour": "[]",
        "normalize_tiles.target": target,
    }
    apply_overrides(folder / f"arms/{ARM}.yaml", [f"{key}={value}" for key, value in settings.items()])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PIPELINE_WORKERS": str(workers)}
    command = [sys.executable, "-c", MEASURED]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    seconds, own, worker = json.loads(done.stdout.splitlines()[-1])
    tiles = len((folder / f"data/prepared/{ARM}/index.csv").read_text(encoding="utf-8").splitlines()) - 1
    return {"seconds": seconds, "memory": own + workers * worker, "tiles": tiles}


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
