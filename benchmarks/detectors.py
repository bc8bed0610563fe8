"""How long detectors take and how much memory; ``python -m benchmarks.detectors``."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from pipeline.compute.device import Workplace
from pipeline.compute.seeding import generator
from pipeline.detectors import registry
from pipeline.detectors.on_features import FeatureSettings
from pipeline.detectors.patchcore.coreset import k_centre
from pipeline.features.neighbours import nearest
from tests.shipped import shipped_arm

FEW, MANY = 2_000, 20_000
# Side of images to layers of the network that needs no download: maps of 8×8 and 4×4, as layer2 and layer3 of a ResNet
# have of 64 px. Memory is compared on smaller images, of which 20,000 take minutes.
TIMED, COMPARED = 64, 32
LAYERS = {TIMED: ["expand4", "expand6"], COMPARED: ["expand2", "expand4"]}
CHANNELS = 6 * (24 + 40)  # of the latter
POINTS, CENTRES, PROJECTION = 20_000, 2_000, 128
BANK, QUERIES, DIMENSION, NEIGHBOURS = 10_000, 4_096, 1_024, 2
ROUNDS = 3
MIB = 2**20
ON_FEATURES = [name for name in registry.names() if issubclass(registry.settings_class(name), FeatureSettings)]
# And on how many images: Deep GEO sees 72 transformations of each.
TRAINED = {"piad": FEW, "deep_geo": FEW // 10, "ganomaly": FEW, "deep_svdd": FEW}
ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")


def run() -> dict[str, float]:
    """Fit and score every detector but dpa, each in a process of its own.

    Returns:
        ``<detector>_fit_seconds``, ``<detector>_score_seconds`` and ``<detector>_memory_mib`` (the peak of the
        process, with all its libraries) for 2,000 images, of 64 px for detectors on features, and of 32 px with the
        demo's settings for trained ones (Deep GEO: 200 images); of the former ``<detector>_memory_growth``: peak memory
        of a fit to 20,000 images of 32 px over that to 2,000, both without the images and their pooled features in
        float32;
        ``coreset_speedup``: the time of greedy k-centre as in a textbook over ours; ``nearest_speedup``: that of
        scikit-learn's brute force.
    """
    results: dict[str, float] = {}
    for name in (*ON_FEATURES, *TRAINED):
        timed = _measured(name, TRAINED.get(name, FEW), TIMED if name in ON_FEATURES else COMPARED)
        results |= {f"{name}_fit_seconds": timed["fit"], f"{name}_score_seconds": timed["score"]}
        results |= {f"{name}_memory_mib": timed["memory"]}
        if name in ON_FEATURES:
            few, many = (_measured(name, count, COMPARED)["memory"] - _kept(count) for count in (FEW, MANY))
            results[f"{name}_memory_growth"] = many / few
    return results | {"coreset_speedup": _coreset_speedup(), "nearest_speedup": _nearest_speedup()}


def textbook_k_centre(points: np.ndarray, count: int, first: int) -> float:
    """Greedy k-centre of points (m, D), which measures the distances to each new centre; the largest that is left."""
    farthest, distances = first, np.full(len(points), np.inf)
    for _ in range(count):
        distances = np.minimum(distances, np.linalg.norm(points - points[farthest], axis=1))
        farthest = int(distances.argmax())
    return float(distances[farthest])


def _coreset_speedup() -> float:
    points = generator(0, "points").normal(size=(POINTS, PROJECTION)).astype(np.float32)
    ours, reference = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        _, radius = k_centre(points, CENTRES, 0, CPU)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        expected = textbook_k_centre(points, CENTRES, 0)
        reference.append(time.perf_counter() - start)
        assert abs(radius / expected - 1) < 1e-3, "other points are chosen"  # but for ties within rounding
    return median(reference) / median(ours)


def _nearest_speedup() -> float:
    draws = generator(0, "neighbours")
    bank, queries = (draws.normal(size=(rows, DIMENSION)).astype(np.float32) for rows in (BANK, QUERIES))
    ours, reference = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        _, found = nearest(queries, bank, NEIGHBOURS, CPU)
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        expected = NearestNeighbors(n_neighbors=NEIGHBOURS, algorithm="brute").fit(bank).kneighbors(queries)[1]
        reference.append(time.perf_counter() - start)
        assert (found == expected).mean() > 0.999, "other neighbours are found"
    return median(reference) / median(ours)


def _kept(count: int) -> float:
    """MiB of images and pooled features."""
    return count * (COMPARED**2 + CHANNELS * np.dtype(np.float32).itemsize) / MIB


def _measured(name: str, count: int, side: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.detectors", name, str(count), str(side)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _measure(name: str, count: int, side: int) -> dict[str, float]:
    """Seconds of a fit, the peak memory in MiB after it, and for images to be timed the seconds of scoring."""
    images = generator(0, "images").integers(0, 256, (count, side, side, 1), np.uint8)
    seen = {"backbone": "efficientnet_lite0", "layers": LAYERS[side], "input_size": None}
    settings = registry.settings_of(name, seen) if name in ON_FEATURES else shipped_arm("demo_xrays").detector(name)
    detector = registry.build(name, settings, 1, Workplace(), {})
    start = time.perf_counter()
    detector.fit(images, np.arange(count), np.arange(0), seed=0)
    measured = {"fit": time.perf_counter() - start}
    measured["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if count < MANY:
        start = time.perf_counter()
        assert np.isfinite(detector.score(images)).all()
        measured["score"] = time.perf_counter() - start
    return measured


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    if len(sys.argv) > 1:
        print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        print(json.dumps({name: round(value, 3) for name, value in run().items()}, indent=2))
