"""μ and σ of equation 2: the responses of the perceptual network's filters, measured once before training."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.tensor_files import NotTensorsError, read_tensors
from pipeline.detectors.dpa.growth import at_resolution
from pipeline.errors import PipelineError
from pipeline.features.backbones import Backbone, perceptual_network
from pipeline.features.views import central_views
from pipeline.files import atomic
from pipeline.params.train import GrowthStep, Train

PUBLISHED = "train.<arm>.statistics must name a file of layer to (mean, std), such as the authors', or be null"
LEAST_STD = 0.01  # share of the layer's mean σ; a filter that never answers on normal images must not divide by 0


@dataclass(frozen=True)
class FeatureStatistics:
    """μ and σ of a layer's filter responses, per channel, each float32 (C,)."""

    mean: Tensor
    std: Tensor

    def to(self, device: torch.device) -> "FeatureStatistics":
        """Return them on a device."""
        return FeatureStatistics(self.mean.to(device), self.std.to(device))


Statistics = Mapping[int, Mapping[str, FeatureStatistics]]  # resolution to layer to μ and σ


def arm_statistics(
    settings: Train, pixels: np.ndarray, rows: np.ndarray, device: torch.device
) -> tuple[Statistics, str]:
    """The statistics that a detector needs, from where its settings say.

    Args:
        settings: The detector's.
        pixels: uint8 (N, H, W, C).
        rows: The training normals, at least one.
        device: Where to compute.

    Returns:
        The statistics, empty without a perceptual loss, and what they come from.
    """
    backbone = perceptual_network(settings, device)
    if backbone is None:
        return {}, "nothing"
    if settings.statistics:
        return published_statistics(Path(settings.statistics), settings.steps, backbone), settings.statistics
    count = min(len(rows), settings.statistics_images)
    return measure_statistics(settings, backbone, pixels, rows, device), f"{count} training images"


def measure_statistics(
    settings: Train, backbone: Backbone, pixels: np.ndarray, rows: np.ndarray, device: torch.device
) -> Statistics:
    """Measure the layers of every resolution of the schedule on training normals.

    Args:
        settings: Schedule, layers and ``statistics_images``, at most as many of which are taken, evenly spaced.
        backbone: The network, in float32 on the device.
        pixels: uint8 (N, H, W, C).
        rows: The training normals, at least one.
        device: Where to compute.
    """
    spaced = np.linspace(0, len(rows) - 1, min(len(rows), settings.statistics_images)).astype(int)
    chosen = rows[np.unique(spaced)]

    def shown(resolution: int) -> Iterable[Tensor]:
        views = central_views(pixels, chosen, settings.resolution, device)
        return (at_resolution(view, resolution, settings.reference_downsampling) for view in views)

    return {s.resolution: feature_statistics(backbone, s.layers, shown(s.resolution)) for s in settings.steps}


def feature_statistics(
    backbone: Backbone, layers: Sequence[str], batches: Iterable[Tensor]
) -> dict[str, FeatureStatistics]:
    """Compute μ and σ of equation 2 over images and positions.

    Args:
        backbone: The network f, in float32.
        layers: Its layers.
        batches: Images (n, 1 or 3, R, R) in [−1, 1], at least one batch.

    Returns:
        The statistics of each layer, summed in float64, on the CPU.

    Raises:
        PipelineError: If a layer answers the same everywhere, or with numbers that are not finite.
    """
    # On the CPU: not every device has float64.
    sums = {layer: torch.zeros(3, 1, dtype=torch.float64) for layer in layers}
    with torch.no_grad():
        for images in batches:
            for layer, features in zip(layers, backbone(images, layers), strict=True):
                f = features.cpu().double()
                count = torch.full((f.shape[1],), f.numel() / f.shape[1], dtype=torch.float64)
                sums[layer] = sums[layer] + torch.stack([count, f.sum((0, 2, 3)), f.square().sum((0, 2, 3))])
    return {layer: _moments(layer, *sums[layer]) for layer in layers}


def _moments(layer: str, count: Tensor, total: Tensor, squares: Tensor) -> FeatureStatistics:
    mean = total / count
    std = (squares / count - mean.square()).clamp_min(0).sqrt()
    if not (mean.isfinite().all() and std.isfinite().all()):
        raise PipelineError(f"{layer} answers with numbers that are not finite: are the weights those of the network?")
    if not std.any():
        raise PipelineError(f"{layer} answers the same to all training images everywhere: are they all of one colour?")
    return FeatureStatistics(mean.float(), std.clamp_min(LEAST_STD * std.mean()).float())


def published_statistics(path: Path, steps: Sequence[GrowthStep], backbone: Backbone) -> Statistics:
    """Read statistics measured elsewhere, as the paper's authors publish theirs; the same for every resolution.

    Args:
        path: A file written by ``torch.save``: layer to (μ, σ), each (C,).
        steps: The resolutions and their layers.
        backbone: The network that the layers are of.

    Raises:
        PipelineError: If the file is missing, is no such file, lacks a layer, or holds numbers that cannot be its.
    """
    try:
        content = read_tensors(path)
        known = {name: FeatureStatistics(*(value.flatten().float() for value in of)) for name, of in content.items()}
        statistics = {step.resolution: {layer: known[layer] for layer in step.layers} for step in steps}
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing: train.<arm>.statistics must name a file, or be null") from error
    except KeyError as error:
        raise PipelineError(f"{path} holds no statistics of the layer {error}, which the schedule names") from error
    except NotTensorsError as error:
        raise PipelineError(f"{path} does not hold statistics, {error}: {PUBLISHED}") from error
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{path} does not hold statistics: {PUBLISHED}") from error
    if fault := fault_of(statistics, steps, backbone):
        raise PipelineError(f"{path}: {fault}")
    return statistics


def fault_of(statistics: Statistics, steps: Sequence[GrowthStep], backbone: Backbone) -> str | None:
    """Say which layer's statistics cannot be those of its filters; None where all can.

    Args:
        statistics: Those of all layers of the steps.
        steps: The resolutions and their layers.
        backbone: The network that the layers are of.
    """
    for step in steps:
        probe = backbone(torch.zeros(1, 1, step.resolution, step.resolution, device=backbone.mean.device), step.layers)
        for layer, features in zip(step.layers, probe, strict=True):
            moments = statistics[step.resolution][layer]
            if not (len(moments.mean) == len(moments.std) == features.shape[1] and _can_be(moments)):
                return f"{layer} needs {features.shape[1]} finite means and as many deviations above 0"
    return None


def _can_be(moments: FeatureStatistics) -> bool:
    """Whether they are two lists of finite numbers, the deviations above 0."""
    both = (moments.mean, moments.std)
    finite = all(of.ndim == 1 and of.dtype == torch.float32 and of.isfinite().all() for of in both)
    return finite and bool((moments.std > 0).all())


def write_statistics(path: Path, statistics: Statistics) -> None:
    """Write statistics as an npz of ``<resolution>/<layer>/mean`` and ``…/std``."""
    arrays = {
        f"{resolution}/{layer}/{name}": getattr(moments, name).numpy()
        for resolution, of_layers in statistics.items()
        for layer, moments in of_layers.items()
        for name in ("mean", "std")
    }
    with atomic(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)


def read_statistics(path: Path) -> Statistics:
    """Read what :func:`write_statistics` wrote.

    Raises:
        PipelineError: If the file is missing, damaged or holds something else.
    """
    again = "run `dvc repro`, which measures the features"
    statistics: dict[int, dict[str, FeatureStatistics]] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for name in arrays.files:
                resolution, layer, what = name.split("/")
                if what == "mean":
                    moments = (torch.from_numpy(arrays[f"{resolution}/{layer}/{part}"]) for part in ("mean", "std"))
                    statistics.setdefault(int(resolution), {})[layer] = FeatureStatistics(*moments)
        whole = all(_can_be(moments) for of_layers in statistics.values() for moments in of_layers.values())
    except FileNotFoundError as error:
        raise PipelineError(f"{path} is missing: {again}") from error
    except Exception as error:  # numpy and zipfile raise anything on damaged files
        raise PipelineError(f"{path} is damaged: {again}") from error
    if not whole:
        raise PipelineError(f"{path} holds something else than finite means and deviations above 0: {again}")
    return statistics
