"""What describes a patch: a mean over its neighbourhood in several layers (Roth et al. 2022, §3.1)."""

from math import gcd

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d, conv2d, interpolate

PATCH = 3  # positions of a neighbourhood along one axis


def describe(layers: list[Tensor], dimension: int) -> Tensor:
    """Describe the patches of images, as the authors' code does.

    It lists the C·9 numbers around each position, resamples these lists to the first layer's grid, averages each to D
    numbers, and the lists of all layers to D once more. Averages are convolutions, and the order of averaging and
    resampling does not matter, so that no list is ever made.

    Args:
        layers: Each float32 (n, C, h, w).
        dimension: D.

    Returns:
        float32 (n, h·w, D) of the first layer's grid.
    """
    grid = layers[0].shape[2:]
    pooled = [interpolate(_averaged(layer, dimension, PATCH), grid, mode="bilinear") for layer in layers]
    return _averaged(torch.cat(pooled, 1), dimension, 1).flatten(2).transpose(1, 2)


def _averaged(layer: Tensor, dimension: int, side: int) -> Tensor:
    """Average the C·side² numbers around each position, channel by channel, into D: (n, C, h, w) to (n, D, h, w)."""
    channels = layer.shape[1]
    groups = gcd(channels, dimension)  # the bins of the averages repeat so often
    listed = torch.eye(channels // groups * side**2, device=layer.device)
    bins = adaptive_avg_pool1d(listed, dimension // groups).T
    weights = bins.reshape(-1, channels // groups, side, side).repeat(groups, 1, 1, 1)
    return conv2d(layer, weights, padding=side // 2, groups=groups)
