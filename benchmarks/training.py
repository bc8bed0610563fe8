"""How fast a training step and scoring are, against a plain loop; ``python -m benchmarks.training``.

The plain loop does the same work in the manner of the released code: float32, channels first, a data loader that makes
each batch from single images, f(x) computed anew in every step, the statistics moved to the device in every call, and
the loss read after every step.
"""

import contextlib
import io
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from pipeline.compute.seeding import generator
from pipeline.detectors.dpa.autoencoder import Autoencoder
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.losses import perceptual_network
from pipeline.detectors.dpa.settings import DpaSettings, GrowthStep
from pipeline.detectors.dpa.statistics import Statistics, measure_statistics
from pipeline.features.backbones import IMAGENET_MEAN, IMAGENET_STD, Vgg
from tests.shipped import shipped_dpa

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")
IMAGES, SCORED = 64, 256
LAYER, RESOLUTION = "r32", 64
ROUNDS = 3
STEPS = {16: (8, 24), 64: (2, 6)}  # batch size to the steps of a short training, and how many a longer one has more

Schedule = dict[int, GrowthStep]


def run() -> dict[str, float]:
    """Time both ways in turn, on nih_pa's network at 64 px without growth, with VGG19 up to r32.

    Returns:
        ``train_step_speedup_cached`` and ``_live`` (batch 16; ``_batch_64`` for 64): seconds per step of the plain loop
        over ours with targets kept, and with targets computed anew as flipped images need. ``…_without_loader``: over
        the plain loop when it is given finished batches. ``score_speedup``: per image, likewise.
        ``train_steps_per_second_<resolution>_<phase>`` of nih_pa's schedule at batch 16; ``train_memory_mib``: the
        peak of a process that trains, with all its libraries.
    """
    with tempfile.TemporaryDirectory() as name:
        settings = _settings(Path(name) / "vgg19.pth")
        files = _write_films(Path(name))
        pixels = _prepared(files)
        statistics = _statistics(settings, pixels)
        plain = PlainLoop(settings, statistics, files)
        results = _step_speedups(plain, settings, pixels) | _score_speedup(plain, settings, statistics, pixels)
        results |= _growing_steps(settings, pixels)
        command = [sys.executable, "-m", "benchmarks.training", str(settings.weights)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        results["train_memory_mib"] = float(done.stdout.splitlines()[-1])
    return results


class PlainLoop:
    """The plain loop, with the same network, statistics and layer.

    Args:
        settings: Ours.
        statistics: Ours.
        files: The images of :func:`_images`, as films of 300×300 pixels with a border.
    """

    def __init__(self, settings: DpaSettings, statistics: Statistics, files: list[Path]) -> None:
        vgg = perceptual_network(settings, CPU)
        assert isinstance(vgg, Vgg)
        self.f = vgg.convolutions[: vgg.depth[LAYER]].to(memory_format=torch.contiguous_format)
        self.moments = statistics[RESOLUTION][LAYER]
        self.files = files
        detector = DeepPerceptualAutoencoder(settings, 1)
        self.network = Autoencoder(detector.architecture)
        self.network.load_state_dict(detector.network.state_dict())

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Equation 2 of images (N, 1, H, W)."""
        x = images.expand(-1, 3, -1, -1) * 0.5 + 0.5
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
        f: torch.Tensor = self.f((x - mean.to(x.device)) / std.to(x.device))
        return (f - self.moments.mean.view(1, -1, 1, 1).to(x.device)) / self.moments.std.view(1, -1, 1, 1).to(x.device)

    def loss(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Equation 1, (N,)."""
        of_x, of_y = self.features(x), self.features(y)
        size = of_x.abs().mean((1, 2, 3)).detach()
        return ((of_x - of_y).abs() / size.view(-1, 1, 1, 1)).mean((1, 2, 3))

    def loader(self, batch: int, training: bool) -> DataLoader[torch.Tensor]:
        """Open, crop and shrink every image whenever it is shown, in eight processes as the released code does."""
        files = self.files[:IMAGES] if training else self.files
        return DataLoader(
            Films(files), batch, shuffle=training, drop_last=training, num_workers=8, persistent_workers=True
        )

    def seconds_per_step(self, batches: Iterable[torch.Tensor], steps: int) -> float:
        """Train some steps on endless batches; the first one warms up."""
        optimiser = torch.optim.Adam(self.network.parameters(), lr=1e-3)
        start = 0.0
        for i, x in enumerate(itertools.islice(batches, steps + 1)):
            if i == 1:
                start = time.perf_counter()
            loss = self.loss(x, self.network(x)).mean()
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            loss.item()
        return (time.perf_counter() - start) / steps

    def score(self, loader: Iterable[torch.Tensor]) -> np.ndarray:
        """Equation 1 of all images of a loader."""
        with torch.no_grad():
            return np.concatenate([self.loss(x, self.network(x)).numpy() for x in loader])


class Films(Dataset[torch.Tensor]):
    """Images read from their files one by one, as a loader takes them."""

    def __init__(self, files: list[Path]) -> None:
        self.files = files
        self.transform = transforms.Compose(
            [
                transforms.Grayscale(),
                transforms.CenterCrop(224),
                transforms.Resize((RESOLUTION, RESOLUTION)),
                transforms.ToTensor(),
                transforms.Normalize((0.5,), (0.5,)),
            ]
        )

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> torch.Tensor:
        image: torch.Tensor = self.transform(Image.open(self.files[i]))
        return image


def endless(batches: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Go through the batches again and again."""
    while True:
        yield from batches


def _step_speedups(plain: PlainLoop, settings: DpaSettings, pixels: np.ndarray) -> dict[str, float]:
    return {
        f"train_step_speedup_{way}{'' if batch == 16 else f'_batch_{batch}'}{suffix}": value
        for batch in STEPS
        for (way, suffix), value in _speedups_at(batch, plain, settings, pixels).items()
    }


def _speedups_at(
    batch: int, plain: PlainLoop, settings: DpaSettings, pixels: np.ndarray
) -> dict[tuple[str, str], float]:
    """Our two ways against the plain loop with and without its loader: (way, suffix) to the ratio."""
    loaded = endless(plain.loader(batch, training=True))
    finished = itertools.cycle([next(loaded)])
    flipped = settings.model_copy(update={"flips": True})
    steps = STEPS[batch]

    def alone(stable: int) -> Schedule:
        return {RESOLUTION: settings.schedule[RESOLUTION].model_copy(update={"stable": stable, "batch_size": batch})}

    ways: dict[str, Callable[[], float]] = {
        "": lambda: plain.seconds_per_step(loaded, steps[1]),
        "_without_loader": lambda: plain.seconds_per_step(finished, steps[1]),
        "cached": lambda: _seconds_per_step(settings, alone, pixels, *steps),
        "live": lambda: _seconds_per_step(flipped, alone, pixels, *steps),
    }
    seconds = [{way: measure() for way, measure in ways.items()} for _ in range(ROUNDS)]
    middle = {way: median(one[way] for one in seconds) for way in ways}
    return {(way, of): middle[of] / middle[way] for way in ("cached", "live") for of in ("", "_without_loader")}


def _seconds_per_step(
    settings: DpaSettings,
    schedule: Callable[[int], Schedule],
    pixels: np.ndarray,
    short: int,
    more: int,
) -> float:
    """The difference of a short and a longer training, so that start, statistics and kept targets do not count."""
    rows, times = np.arange(IMAGES), []
    for steps in (short, short + more):
        changed = settings.model_copy(update={"schedule": schedule(steps)})
        detector = DeepPerceptualAutoencoder(changed, 1)
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            detector.fit(pixels, rows, rows[:0], seed=0)
        times.append(time.perf_counter() - start)
    return (times[1] - times[0]) / more


def _score_speedup(
    plain: PlainLoop, settings: DpaSettings, statistics: Statistics, pixels: np.ndarray
) -> dict[str, float]:
    detector = DeepPerceptualAutoencoder(settings, 1)
    detector.equip(perceptual_network(settings, CPU), statistics)
    detector.network.load_state_dict(plain.network.state_dict())
    loader = plain.loader(32, training=False)
    finished = list(loader)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "plain": lambda: plain.score(loader),
        "without_loader": lambda: plain.score(finished),
        "ours": lambda: detector.score(pixels),
    }
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        scores = {}
        for way, score in ways.items():
            start = time.perf_counter()
            scores[way] = score()
            seconds[way].append(time.perf_counter() - start)
        assert np.allclose(scores["plain"], scores["ours"], rtol=1e-4), "the two ways give other scores"
    middle = {way: median(times) for way, times in seconds.items()}
    return {
        "score_speedup": middle["plain"] / middle["ours"],
        "score_speedup_without_loader": middle["without_loader"] / middle["ours"],
    }


def _growing_steps(settings: DpaSettings, pixels: np.ndarray) -> dict[str, float]:
    """Steps per second of each phase of nih_pa's schedule."""
    published = {
        side: step.model_copy(update={"batch_size": 16, "transition": 0, "stable": 1})
        for side, step in shipped_dpa("nih_pa").schedule.items()
    }
    growing = settings.model_copy(update={"schedule": published, "grow": True})
    found: dict[str, float] = {}
    for side, step in published.items():
        for kind in ("transition", "stable") if side > min(published) else ("stable",):

            def timed(steps: int, side: int = side, step: GrowthStep = step, kind: str = kind) -> Schedule:
                return published | {side: step.model_copy(update={kind: steps})}

            more = STEPS[16][1] * RESOLUTION // side  # small images are fast: more of them, above the noise
            seconds = median(_seconds_per_step(growing, timed, pixels, STEPS[16][0], more) for _ in range(ROUNDS))
            found[f"train_steps_per_second_{side}_{kind}"] = 1 / seconds
    return found


def _settings(weights: Path) -> DpaSettings:
    torch.manual_seed(0)
    torch.save(Vgg("vgg19").convolutions.state_dict(), weights)
    published = shipped_dpa("nih_pa")
    step = GrowthStep(layers=(LAYER,), transition=0, stable=1, batch_size=16)
    changes = {"weights": str(weights), "grow": False, "schedule": {RESOLUTION: step}, "report_every": 10_000}
    return published.model_copy(update=changes)


def _statistics(settings: DpaSettings, pixels: np.ndarray) -> Statistics:
    backbone = perceptual_network(settings, CPU)
    assert backbone is not None
    return measure_statistics(settings, backbone, pixels, np.arange(IMAGES), CPU)


def _write_films(folder: Path) -> list[Path]:
    """Write smooth shapes of 300×300 pixels, as the released code keeps its X-rays."""
    files = []
    for number in range(SCORED):
        shapes = generator(0, "benchmark training", str(number)).uniform(20, 230, (9, 9)).astype(np.float32)
        film = cv2.resize(shapes, (300, 300), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)
        files.append(folder / f"{number:03d}.png")
        Image.fromarray(film).save(files[-1])
    return files


def _prepared(files: list[Path]) -> np.ndarray:
    """The same pixels as one array, uint8 (N, 64, 64, 1)."""
    films = Films(files)
    return np.stack([((films[i] + 1) * 127.5).round().to(torch.uint8).numpy()[0, ..., None] for i in range(len(films))])


def _measure_memory(weights: Path) -> None:
    settings = _settings(weights)
    pixels = generator(0, "memory").integers(0, 256, (IMAGES, RESOLUTION, RESOLUTION, 1), np.uint8)
    step = settings.schedule[RESOLUTION].model_copy(update={"stable": STEPS[16][1]})
    detector = DeepPerceptualAutoencoder(settings.model_copy(update={"schedule": {RESOLUTION: step}}), 1)
    detector.fit(pixels, np.arange(IMAGES), np.arange(0), seed=0)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    if len(sys.argv) > 1:
        _measure_memory(Path(sys.argv[1]))
    else:
        print(json.dumps({name: round(value, 3) for name, value in run().items()}, indent=2))
