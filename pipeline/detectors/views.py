"""What the network is shown of a prepared image: crops, flips and values, on whole batches."""

from collections.abc import Iterator

import torch
from torch import Tensor


def to_network(pixels: Tensor) -> Tensor:
    """Map uint8 (N, H, W, C) to float32 (N, C, H, W) in [−1, 1]."""
    # Channels last is the faster layout for convolutions; one layout always, since others round differently.
    return pixels.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last) / 127.5 - 1


def central_view(pixels: Tensor, side: int) -> Tensor:
    """Cut the central square of uint8 (N, H, W, C): the test view."""
    top, left = (pixels.shape[1] - side) // 2, (pixels.shape[2] - side) // 2
    return pixels[:, top : top + side, left : left + side]


def random_view(pixels: Tensor, side: int, flips: bool, generator: torch.Generator) -> Tensor:
    """Cut a random square of each image and flip it at random: the training view, drawn anew at each call.

    Args:
        pixels: uint8 (N, H, W, C).
        side: Side of the square in pixels.
        flips: Whether to flip horizontally and vertically, each with probability one half.
        generator: Source of the draws, on the CPU, so that every device sees the same.

    Returns:
        uint8 (N, side, side, C).
    """
    n, height, width, _ = pixels.shape
    rows = _window(n, height, side, flips, generator).to(pixels.device)
    columns = _window(n, width, side, flips, generator).to(pixels.device)
    images = torch.arange(n, device=pixels.device).view(n, 1, 1)
    return pixels[images, rows.view(n, side, 1), columns.view(n, 1, side)]


def _window(n: int, length: int, side: int, flips: bool, generator: torch.Generator) -> Tensor:
    """Draw the positions of a window along one axis for each image, int64 (n, side)."""
    start = torch.randint(length - side + 1, (n, 1), generator=generator)
    window = torch.arange(side).expand(n, side)
    if flips:
        flipped = torch.rand(n, 1, generator=generator) < 0.5
        window = torch.where(flipped, window.flip(1), window)
    return start + window


def shuffled_batches(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield row numbers for ever, int64 (batch_size,): each image once per epoch, epochs joined without gap.

    A batch that reaches past the end of an epoch goes on with the next one, so none is dropped and a set
    smaller than a batch works too.
    """
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        while len(waiting) < batch_size:
            waiting = torch.cat([waiting, torch.randperm(n, generator=generator)])
        yield waiting[:batch_size]
        waiting = waiting[batch_size:]
