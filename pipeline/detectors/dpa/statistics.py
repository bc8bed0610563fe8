"""μ and σ of equation 2: how the perceptual network's filters answer to the training images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.tensor_files import NotTensorsError, read_tensors
from pipeline.detectors.dpa.growth import at_resolution
from pipeline.detectors.dpa.settings import DpaSettings, key
from pipeline.errors import PipelineError
from pipeline.features.backbones import Backbone
from pipeline.features.views import central_views

PUBLISHED = f"{key('statistics')} must name a file of layer to (mean, std), such as the authors', or be null"
LEAST_STD = 0.01  # share of the layer's mean σ; a filter that never answers on normal images must not divide by 0


@dataclass(frozen=True)
class FeatureStatistics:
    """μ and σ of a layer's filter responses, per channel, each float32 (C,)."""

    mean: Tensor
    std: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> "FeatureStatistics":
        """Return them with both changed in the same way."""
        return FeatureStatistics(change(self.mean), change(self.std))


Statistics = Mapping[int, Mapping[str, FeatureStatistics]]  # resolution to layer to μ and σ


def changed(statistics: Statistics, change: Callable[[Tensor], Tensor]) -> Statistics:
    """Return statistics with every tensor changed in the same way."""
    return {
        resolution: {layer: moments.each(change) for layer, moments in layers.items()}
        for resolution, layers in statistics.items()
    }


def statistics_for(
    settings: DpaSettings, backbone: Backbone, pixels: np.ndarray, rows: np.ndarray, device: torch.device
) -> Statistics:
    """Return the statistics from where the settings say; see :func:`measure_statistics`."""
    if settings.statistics:
        return published_statistics(Path(settings.statistics), settings, backbone)
    return measure_statistics(settings, backbone, pixels, rows, device)


def measure_statistics(
    settings: DpaSettings, backbone: Backbone, pixels: np.ndarray, rows: np.ndarray, device: torch.device
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

    return {side: feature_statistics(backbone, step.layers, shown(side)) for side, step in settings.steps.items()}


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


def published_statistics(path: Path, settings: DpaSettings, backbone: Backbone) -> Statistics:
    """Read statistics measured elsewhere, as the paper's authors publish theirs; the same for every resolution.

    Args:
        path: A file written by ``torch.save``: layer to (μ, σ), each (C,).
        settings: Which resolutions and layers are compared.
        backbone: The network that the layers are of.

    Raises:
        PipelineError: If the file is missing, is no such file, lacks a layer, or holds numbers that cannot be its.
    """
    try:
        content = read_tensors(path)
        known = {layer: FeatureStatistics(*(v.flatten().float() for v in both)) for layer, both in content.items()}
        statistics = {side: {layer: known[layer] for layer in step.layers} for side, step in settings.steps.items()}
    except (FileNotFoundError, IsADirectoryError) as error:
        raise PipelineError(
            f"{path} is missing, or a folder: {key('statistics')} must name a file, or be null"
        ) from error
    except KeyError as error:
        raise PipelineError(f"{path} holds no statistics of the layer {error}, which the schedule names") from error
    except NotTensorsError as error:
        raise PipelineError(f"{path} does not hold statistics, {error}: {PUBLISHED}") from error
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{path} does not hold statistics: {PUBLISHED}") from error
    if fault := fault_of(statistics, settings, backbone):
        raise PipelineError(f"{path}: {fault}")
    return statistics


def fault_of(statistics: Statistics, settings: DpaSettings, backbone: Backbone | None) -> str | None:
    """Say why statistics cannot be those that the settings need; None where they can.

    Args:
        statistics: By resolution and layer.
        settings: Which resolutions and layers are compared.
        backbone: The network that the layers are of; None without a perceptual loss.
    """
    needed = {side: step.layers for side, step in settings.steps.items()} if backbone else {}
    if {resolution: tuple(layers) for resolution, layers in statistics.items()} != needed:
        return "they are of other layers than the schedule names"
    for resolution, layers in needed.items():
        assert backbone  # noqa: S101
        blank = torch.zeros(1, 1, resolution, resolution, device=backbone.mean.device)
        for layer, features in zip(layers, backbone(blank, layers), strict=True):
            moments = statistics[resolution][layer]
            if not (len(moments.mean) == len(moments.std) == features.shape[1] and _can_be(moments)):
                return f"{layer} needs {features.shape[1]} finite means and as many deviations above 0"
    return None


def _can_be(moments: FeatureStatistics) -> bool:
    """Whether they are two lists of finite numbers, the deviations above 0."""
    both = (moments.mean, moments.std)
    finite = all(value.ndim == 1 and value.dtype == torch.float32 and value.isfinite().all() for value in both)
    return finite and bool((moments.std > 0).all())
