"""The 72 geometric transformations: flips, shifts and turns of squares (Golan & El-Yaniv 2018)."""

from itertools import product

import torch
from torch import Tensor

FLIPS = (False, True)
SHIFTS = (0, -1, 1)  # times a number of pixels, along each axis
TURNS = range(4)  # of 90°
COUNT = len(FLIPS) * len(SHIFTS) ** 2 * len(TURNS)


def origins(side: int, shift: int) -> Tensor:
    """Where each pixel of each transformed image comes from.

    An image is flipped from left to right, then shifted, then turned counterclockwise; what a shift uncovers mirrors
    the image at its edge, which stands twice.

    Args:
        side: Of the image in pixels.
        shift: In pixels, less than the side.

    Returns:
        Positions of pixels, row after row, int64 (72, side · side). Flips change slowest, turns fastest.
    """
    image = torch.arange(side * side).view(side, side)
    made = []
    for flip, down, right, turns in product(FLIPS, SHIFTS, SHIFTS, TURNS):
        rows, columns = (mirrored(torch.arange(side) + shift * times, side) for times in (down, right))
        flipped = image.fliplr() if flip else image
        made.append(flipped[rows][:, columns].rot90(turns).flatten())
    return torch.stack(made)


def mirrored(positions: Tensor, side: int) -> Tensor:
    """Map positions less than a side outside of 0 … side − 1 to their mirror images: −1 to 0, side to side − 1."""
    below = torch.where(positions < 0, -1 - positions, positions)
    return torch.where(below >= side, 2 * side - 1 - below, below)


def transformed(views: Tensor, origin: Tensor) -> Tensor:
    """Transform images.

    Args:
        views: (n, C, side, side).
        origin: For each image, rows of :func:`origins`, (n, side · side).
    """
    of_channels = origin.unsqueeze(1).expand(-1, views.shape[1], -1)
    moved = views.flatten(2).gather(2, of_channels).view(views.shape)
    return moved.contiguous(memory_format=torch.channels_last)
