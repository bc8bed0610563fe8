"""μ and σ of equation 2 for every resolution of the schedule."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.detectors.dpa.growth import at_resolution
from pipeline.detectors.dpa.settings import DpaSettings, key
from pipeline.features import statistics as features
from pipeline.features.backbones import Backbone
from pipeline.features.statistics import FeatureStatistics, feature_statistics, read_statistics, spaced
from pipeline.features.views import central_views

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
    chosen = spaced(rows, settings.statistics_images)

    def shown(resolution: int) -> Iterable[Tensor]:
        views = central_views(pixels, chosen, settings.resolution, device)
        return (at_resolution(view, resolution, settings.reference_downsampling) for view in views)

    return {side: feature_statistics(backbone, step.layers, shown(side)) for side, step in settings.steps.items()}


def published_statistics(path: Path, settings: DpaSettings, backbone: Backbone) -> Statistics:
    """Read statistics measured elsewhere, the same for every resolution; see :func:`read_statistics`."""
    layers = tuple(dict.fromkeys(layer for step in settings.steps.values() for layer in step.layers))
    known = read_statistics(path, layers, backbone, settings.resolution, key("statistics"))
    return {side: {layer: known[layer] for layer in step.layers} for side, step in settings.steps.items()}


def fault_of(statistics: Statistics, settings: DpaSettings, backbone: Backbone | None) -> str | None:
    """Say why statistics cannot be those that the settings need; None where they can.

    Args:
        statistics: By resolution and layer.
        settings: Which resolutions and layers are compared.
        backbone: The network that the layers are of; None without a perceptual loss.
    """
    needed = {side: step.layers for side, step in settings.steps.items()} if backbone else {}
    if set(statistics) != set(needed):
        return "they are of other resolutions than the schedule names"
    for side, layers in needed.items():
        assert backbone  # noqa: S101
        if fault := features.fault_of(statistics[side], layers, backbone, side):
            return fault
    return None
