"""What scoring new images and slides costs beside its parts; ``python -m benchmarks.scoring``.

A small chain each makes a model of drawn slides, one of drawn X-rays, whose network is so fast that everything else
counts, and one of the sample's X-rays, whose network is of the size that a laptop trains.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tifffile
import torch
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides

from pipeline import layout
from pipeline.commands import score
from pipeline.compute.device import Workplace
from pipeline.compute.workers import process_all
from pipeline.data.archives import read_members
from pipeline.data.inventory import make_inventory
from pipeline.data.slides.preparation import Preparation
from pipeline.demo.slides import make_slides
from pipeline.demo.xrays import make_xrays
from pipeline.params.demo import DemoSlides, DemoXrays
from pipeline.scoring.model import Model, read_model
from pipeline.scoring.slide_tiles import Opening, TilesJob, find_tiles
from pipeline.scoring.whole_slide import AHEAD, TILES
from tests.shipped import shipped, write

ROOT = Path(__file__).parents[1]
SLIDES, XRAYS, SAMPLE = "demo_slides", "demo_xrays", "nih_sample"
STAGES = {
    SLIDES: ("tissue_masks", "sample_tiles", "normalize_tiles"),
    XRAYS: ("split_xrays", "equalize_xrays"),
    SAMPLE: ("split_xrays", "equalize_xrays"),
}
OVERRIDES = [
    "seeds=[0]",
    f"arms/{SLIDES}.yaml:collection.validation_tumour=[]",
    f"arms/{SLIDES}.yaml:normalize_tiles.target.region={{x: 1536, y: 1536, size: 1536}}",
    f"arms/{SLIDES}.yaml:sample_tiles.tiles_per_slide=4",
    *(f"arms/{SLIDES}.yaml:detectors.dpa.schedule.{phase}=2" for phase in ("16.stable", "32.transition", "32.stable")),
    *(f"arms/{XRAYS}.yaml:detectors.dpa.schedule.{phase}.stable=2" for phase in (8, 16, 32)),
    *(f"arms/{XRAYS}.yaml:detectors.dpa.schedule.{phase}.transition=2" for phase in (16, 32)),
    *(f"arms/{SAMPLE}.yaml:detectors.dpa.schedule.{phase}.stable=2" for phase in (8, 16, 32, 64)),
    *(f"arms/{SAMPLE}.yaml:detectors.dpa.schedule.{phase}.transition=2" for phase in (16, 32, 64)),
]
FEW, MANY = 200, {XRAYS: 2_200, SAMPLE: 700}  # images
ROUNDS = 3
DRAWN, BLOCK = 4_608, 5_120  # sides in pixels of a drawn slide and, with more glass, of what large slides are made of
LEAST, SMALL, LARGE = 1, 4, 8  # blocks along the side of a slide
FACTORS = (1, 4, 16)  # of its levels
WORKERS = 2


def run() -> dict[str, float]:
    """Measure.

    Returns:
        ``score_images_share``: images per second of the command over those of the bare detector on arrays, both by the
        images that the larger of two folders has more (2,000), in wall time; ``score_images_cpu_share``: the same in
        CPU time of the command's main process, without those that prepare images; ``score_sample_share`` and
        ``score_sample_cpu_share``: the same with the sample's network and 500 of its X-rays;
        ``score_slide_seconds_growth``: time of a slide of 40,960² px over that of one of 20,480² px, by tile and
        without what starting takes;
        ``score_slide_cpu_growth``: the same in CPU time; ``score_slide_memory_growth``: peak memory of the former over
        that of the latter, of all processes; ``score_slide_share``: tiles per second of the command over those of
        reading and normalising alone; ``score_slide_cpu_share``: the same in CPU time of all processes.
    """
    with tempfile.TemporaryDirectory() as name:
        models = {arm: _model(Path(name) / arm, arm) for arm in STAGES}
        results: dict[str, float] = {}
        for arm, called in ((XRAYS, "score_images"), (SAMPLE, "score_sample")):
            shares = _in_a_process("images", models[arm], _films(Path(name) / arm, arm), Path(name) / f"scored-{arm}")
            results |= {f"{called}_{kind}": share for kind, share in shares.items()}
        block = Path(name) / SLIDES / f"data/raw/{SLIDES}/training/normal/normal_001.tif"
        measured = {}
        for count in (LEAST, SMALL, LARGE):
            slide = _slide(block, Path(name) / f"{count}.tif", count)
            measured[count] = _in_a_process("slide", models[SLIDES], slide, Path(name) / f"{count}")
    small, large = measured[SMALL], measured[LARGE]
    # What starting takes, even for a slide of a few tiles, is no part of the growth.
    further = {
        count: {kind: measured[count][kind] - measured[LEAST][kind] for kind in small} for count in (SMALL, LARGE)
    }
    growth = {kind: further[LARGE][kind] / further[SMALL][kind] for kind in small}
    return results | {
        "score_slide_seconds_growth": growth["seconds"] / growth["tiles"],
        "score_slide_cpu_growth": growth["cpu"] / growth["tiles"],
        "score_slide_memory_growth": large["memory"] / small["memory"],
        "score_slide_share": large["parts_seconds"] / large["seconds"],
        "score_slide_cpu_share": large["parts_cpu"] / large["cpu"],
    }


def _model(folder: Path, arm: str) -> Path:
    """Run the chain of an arm on drawn data or the sample; the calibrated model."""
    raw = folder / f"data/raw/{arm}"
    settings = shipped()
    settings["params.yaml"]["arms"] = {"slides": [], "xrays": [], "folders": [], "train": [arm]}
    settings["params.yaml"]["arms"]["slides" if arm == SLIDES else "xrays"] = [arm]
    settings["params.yaml"] |= {"detectors": ["dpa"], "quick_detectors": []}
    write(settings, folder)
    if arm == SAMPLE:
        for path, content in read_members(ROOT / layout.sample(arm)):
            (raw / path).parent.mkdir(parents=True, exist_ok=True)
            (raw / path).write_bytes(content)
    elif arm == SLIDES:
        numbers = {"normal": 4, "tumour": 1, "test_normal": 1, "test_tumour": 1, "blank": 0}
        make_slides(raw, DemoSlides(**numbers, size=DRAWN), 0, WORKERS)
    else:
        make_xrays(raw, DemoXrays(patients=40, size=320), 0, WORKERS)
    make_inventory(raw, folder / f"data/raw/inventory/{arm}.csv", folder / "listed.json")
    for file, overrides in to_path_overrides(OVERRIDES).items():
        apply_overrides(folder / file, overrides)
    commands = [*([stage, arm] for stage in STAGES[arm]), ["train", arm, "dpa", "0"], ["evaluate", arm, "dpa", "0"]]
    for stage, *words in commands:
        _python("-m", f"stages.{stage}", *words, folder=folder)
    return folder / f"data/models/{arm}/dpa/seed-0/calibrated.pt"


def _films(folder: Path, arm: str) -> Path:
    """A folder of links to an arm's X-rays, as many as are scored."""
    drawn = sorted((folder / f"data/raw/{arm}/images").iterdir())
    for number in range(MANY[arm]):
        link = folder / f"films/{number:04d}.png"
        link.parent.mkdir(exist_ok=True)
        os.link(drawn[number % len(drawn)], link)
    return link.parent


def _slide(block: Path, path: Path, count: int) -> Path:
    """Write a slide of count × count blocks, whose pixels are never in memory together."""
    with tifffile.TiffWriter(path, bigtiff=True) as tiff, tifffile.TiffFile(block) as drawn:
        for factor in FACTORS:
            pixels = drawn.pages[factor.bit_length() - 1].asarray()
            glass = (0, (BLOCK - DRAWN) // factor)
            pixels = np.pad(pixels, (glass, glass, (0, 0)), constant_values=240)
            side = BLOCK // factor * count
            tiff.write(
                _tiles(pixels, side),
                shape=(side, side, 3),
                dtype=np.uint8,
                tile=(256, 256),
                photometric="rgb",
                compression="jpeg",
                subfiletype=int(factor > 1),
                resolution=(40_000 / factor, 40_000 / factor),
                resolutionunit="CENTIMETER",
                metadata=None,
            )
    return path


def _tiles(block: np.ndarray, side: int) -> Iterator[np.ndarray]:
    for top in range(0, side, 256):
        for left in range(0, side, 256):
            rows, columns = (np.arange(start, start + 256) % len(block) for start in (top, left))
            yield np.ascontiguousarray(block[rows][:, columns])


def _python(*words: str, folder: Path = ROOT) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PIPELINE_WORKERS": str(WORKERS)}
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert not done.returncode, done.stderr
    return done.stdout


def _in_a_process(kind: str, *paths: Path) -> dict[str, float]:
    measured: dict[str, float] = json.loads(
        _python("-m", "benchmarks.scoring", kind, *map(str, paths)).splitlines()[-1]
    )
    return measured


def _scored(model: Path, inputs: list[Path], out: Path) -> None:
    words = [str(model), *map(str, inputs), "--out", str(out), "--device", "cpu", "--maps", "none"]
    assert score.main([*words, "--workers", str(WORKERS)]) == score.ALL


def _measure_images(model_file: Path, films: Path, out: Path) -> dict[str, float]:
    """Time the command and the bare detector in turn."""
    torch.set_num_threads(1)
    model, files = read_model(model_file, Workplace()), sorted(films.iterdir())
    images = np.stack([model.preparation.prepare(file.read_bytes(), file.name) for file in files[:FEW]])
    arrays = {count: np.resize(images, (count, *images.shape[1:])) for count in (FEW, len(files))}
    times: dict[str, list[float]] = {"bare": [], "bare cpu": [], "command": [], "command cpu": []}
    for number in range(ROUNDS):
        for way in ("bare", "command"):
            found = {}
            for count, array in arrays.items():
                start = time.perf_counter(), time.process_time()
                if way == "bare":
                    model.detector.score(array)
                else:
                    _scored(model_file, files[:count], out / f"{count}-{number}")
                found[count] = time.perf_counter() - start[0], time.process_time() - start[1]
            for kind, few, many in zip((way, f"{way} cpu"), *found.values(), strict=True):
                times[kind].append(many - few)
    middle = {kind: median(measured) for kind, measured in times.items()}
    return {
        "share": middle["bare"] / middle["command"],
        "cpu_share": middle["bare cpu"] / middle["command cpu"],
    }


def _measure_slide(model_file: Path, slide: Path, out: Path) -> dict[str, float]:
    """Time the command, and then what reads and normalises its tiles alone."""
    start, cpu = time.perf_counter(), _cpu()
    _scored(model_file, [slide], out)
    seconds, spent, memory = time.perf_counter() - start, _cpu() - cpu, _memory()
    model = read_model(model_file, Workplace())
    start, cpu = time.perf_counter(), _cpu()
    tiles = _read_and_normalised(model, slide)
    parts = {"parts_seconds": time.perf_counter() - start, "parts_cpu": _cpu() - cpu}
    return {"seconds": seconds, "cpu": spent, "memory": memory, "tiles": tiles, **parts}


def _read_and_normalised(model: Model, path: Path) -> int:
    assert isinstance(model.preparation, Preparation)
    opening = Opening(model.preparation, None)
    with opening.slide(path) as slide:
        found = find_tiles(slide, model.preparation, path.stem, model.side)
    portions = [found.tiles[start : start + TILES] for start in range(0, len(found.tiles), TILES)]
    job: Any = TilesJob(path, opening, found.normalizer)
    for _ in process_all(job, portions, WORKERS, "tiles", ahead=AHEAD):
        pass
    return len(found.tiles)


def _cpu() -> float:
    """Seconds of this process and of those that it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _memory() -> float:
    """The peak of this process in MiB and, for each worker, that of the largest."""
    own = next(line for line in Path("/proc/self/status").read_text("utf-8").splitlines() if line.startswith("VmHWM"))
    return int(own.split()[1]) / 1024 + WORKERS * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure = {"images": _measure_images, "slide": _measure_slide}[sys.argv[1]]
        print(json.dumps(measure(*map(Path, sys.argv[2:]))))
    else:
        print(json.dumps({name: round(value, 3) for name, value in run().items()}, indent=2))
