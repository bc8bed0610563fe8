"""μ and σ of equation 2: how a frozen network's filters answer to normal images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.tensor_files import NotTensorsError, read_tensors
from pipeline.errors import PipelineError
from pipeline.features.backbones import Backbone

LEAST_STD = 0.01  # share of the layer's mean σ; a filter that never answers on normal images must not divide by 0


@dataclass(frozen=True)
class FeatureStatistics:
    """μ and σ of a layer's filter responses, per channel, each float32 (C,)."""

    mean: Tensor
    std: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> "FeatureStatistics":
        """Return them with both changed in the same way."""
        return FeatureStatistics(change(self.mean), change(self.std))


def spaced(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the rows, evenly spaced over all of them."""
    numbers = np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)
    chosen: np.ndarray = rows[np.unique(numbers)]
    return chosen


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


def read_statistics(
    path: Path, layers: Sequence[str], backbone: Backbone, side: int, key: str
) -> dict[str, FeatureStatistics]:
    """Read statistics measured elsewhere, as the paper's authors publish theirs.

    Args:
        path: A file written by ``torch.save``: layer to (μ, σ), each (C,).
        layers: Which layers are compared.
        backbone: The network that they are of.
        side: Of images that are compared, in pixels.
        key: The setting that names the file, for messages.

    Raises:
        PipelineError: If the file is missing, is no such file, lacks a layer, or holds numbers that cannot be its.
    """
    published = f"{key} must name a file of layer to (mean, std), such as the authors', or be null"
    try:
        content = read_tensors(path)
        known = {layer: FeatureStatistics(*(v.flatten().float() for v in both)) for layer, both in content.items()}
        statistics = {layer: known[layer] for layer in layers}
    except (FileNotFoundError, IsADirectoryError) as error:
        raise PipelineError(f"{path} is missing, or a folder: {key} must name a file, or be null") from error
    except KeyError as error:
        raise PipelineError(f"{path} holds no statistics of the layer {error}, which the settings name") from error
    except NotTensorsError as error:
        raise PipelineError(f"{path} does not hold statistics, {error}: {published}") from error
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise PipelineError(f"{path} does not hold statistics: {published}") from error
    if fault := fault_of(statistics, layers, backbone, side):
        raise PipelineError(f"{path}: {fault}")
    return statistics


def fault_of(
    statistics: Mapping[str, FeatureStatistics], layers: Sequence[str], backbone: Backbone, side: int
) -> str | None:
    """Say why statistics cannot be those of some layers; None where they can.

    Args:
        statistics: By layer.
        layers: Which layers are compared.
        backbone: The network that they are of.
        side: Of images that are compared, in pixels.
    """
    if tuple(statistics) != tuple(layers):
        return "they are of other layers than the settings name"
    blank = torch.zeros(1, 1, side, side, device=backbone.mean.device)
    for layer, features in zip(layers, backbone(blank, layers), strict=True):
        moments = statistics[layer]
        if not (len(moments.mean) == len(moments.std) == features.shape[1] and _can_be(moments)):
            return f"{layer} needs {features.shape[1]} finite means and as many deviations above 0"
    return None


def _can_be(moments: FeatureStatistics) -> bool:
    """Whether they are two lists of finite numbers, the deviations above 0."""
    both = (moments.mean, moments.std)
    finite = all(value.ndim == 1 and value.dtype == torch.float32 and value.isfinite().all() for value in both)
    return finite and bool((moments.std > 0).all())
