"""What a network is shown of prepared images: crops, flips and values, on whole batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from pipeline.compute.seeding import derived_seed
from pipeline.errors import PipelineError

SCORING_BATCH = 64

Pixels = TypeVar("Pixels", np.ndarray, Tensor)


def to_network(pixels: Tensor) -> Tensor:
    """Map uint8 (N, H, W, C) to float32 (N, C, H, W) in [−1, 1]."""
    # Channels last is the faster layout for convolutions; one layout always, since others round differently.
    return pixels.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last) / 127.5 - 1


def to_pixels(images: Tensor) -> Tensor:
    """Map (N, C, H, W) in [−1, 1] to uint8 (N, H, W, C) on the CPU; what lies outside is cut off."""
    return ((images.permute(0, 2, 3, 1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu().contiguous()


def central_view(pixels: Pixels, side: int | None) -> Pixels:
    """Cut the central square of (N, H, W, C), the test view; None leaves images whole."""
    if side is None:
        return pixels
    top, left = (pixels.shape[1] - side) // 2, (pixels.shape[2] - side) // 2
    cut: Pixels = pixels[:, top : top + side, left : left + side]
    return cut


def central_views(pixels: np.ndarray, rows: np.ndarray, side: int, device: torch.device) -> Iterator[Tensor]:
    """Yield the test views of images in batches, as the network takes them.

    Args:
        pixels: uint8 (N, H, W, C), memory-mapped or not.
        rows: Which ones.
        side: Side of the view in pixels.
        device: Where they shall be.

    Yields:
        float32 (n, C, side, side) in [−1, 1].

    Raises:
        PipelineError: If the images are smaller.
    """
    if min(pixels.shape[1:3]) < side:
        raise PipelineError(f"the prepared images of shape {pixels.shape} are smaller than {side} px: run `dvc repro`")
    for start in range(0, len(rows), SCORING_BATCH):
        batch = torch.from_numpy(pixels[rows[start : start + SCORING_BATCH]])
        yield to_network(central_view(batch, side).to(device))


class ImageStore:
    """Training images: on the device while there is room for them, else read from the file for each batch.

    Args:
        pixels: uint8 (N, H, W, C), memory-mapped or not.
        rows: The training images.
        device: Where batches shall be.
        room: Bytes that they may take on the device.
    """

    def __init__(self, pixels: np.ndarray, rows: np.ndarray, device: torch.device, room: int) -> None:
        self.pixels, self.rows, self.device = pixels, rows, device
        self.bytes = len(rows) * pixels[0].nbytes
        self.resident = self.bytes <= room
        if self.resident:
            self.images = torch.from_numpy(pixels[rows]).to(device)

    def take(self, numbers: Tensor) -> Tensor:
        """Return images uint8 (n, H, W, C) on the device.

        Args:
            numbers: Which training images, counted from 0, int64 (n,); on the device where the images are, else on the
                CPU, so that looking them up does not wait for the device.
        """
        if self.resident:
            return self.images[numbers]
        images = torch.from_numpy(self.pixels[self.rows[numbers.numpy()]])
        pinned = images.pin_memory() if self.device.type == "cuda" else images
        return pinned.to(self.device, non_blocking=True)


@dataclass(frozen=True)
class Draws:
    """The random choices of several batches of one size; all (batches, n).

    Attributes:
        numbers: Which images, int64, counted from 0.
        top: First row of the view in the image, int64.
        left: Its first column.
        upside_down: Whether the view is flipped vertically, bool.
        mirrored: Whether it is flipped horizontally.
        mixing: In [0, 1), float32: for a loss that mixes each image with another.
    """

    numbers: Tensor
    top: Tensor
    left: Tensor
    upside_down: Tensor
    mirrored: Tensor
    mixing: Tensor

    def each(self, change: Callable[[Tensor], Tensor]) -> "Draws":
        """Return the draws with every tensor changed in the same way."""
        return Draws(*(change(getattr(self, field.name)) for field in fields(self)))

    def one_by_one(self) -> "list[Draws]":
        """Return the draws of each batch alone, (n,)."""
        return [self.each(itemgetter(number)) for number in range(len(self.numbers))]


class Batches:
    """The endless sequence of training batches: each image once per epoch, epochs joined without gap.

    A batch that reaches past the end of an epoch goes on with the next one, so none is dropped and a set smaller than
    a batch works too. Everything is drawn on the CPU, so that every device sees the same.

    Args:
        count: Number of images.
        spare: How much higher and wider than a view they are, in pixels.
        flips: Whether views are flipped, horizontally and vertically, each with probability one half.
        seed: Seed of all draws.
    """

    def __init__(self, count: int, spare: tuple[int, int], flips: bool, seed: int) -> None:
        self.count, self.spare, self.flips = count, spare, flips
        # One for each kind of choice: what is drawn does not depend on how many batches are drawn at a time.
        self.generators = {
            kind: torch.Generator().manual_seed(derived_seed(seed, kind))
            for kind in ("order", "top", "left", "upside_down", "mirrored", "mixing")
        }
        self.waiting = torch.empty(0, dtype=torch.int64)

    def draw(self, batches: int, batch_size: int) -> Draws:
        """Draw the next batches."""
        needed, shape = batches * batch_size, (batches, batch_size)
        order, *others = self.generators.values()
        epochs = max(0, -(-(needed - len(self.waiting)) // self.count))
        numbers = torch.cat([self.waiting, *(torch.randperm(self.count, generator=order) for _ in range(epochs))])
        self.waiting = numbers[needed:]
        top, left = (
            torch.randint(spare + 1, shape, generator=generator)
            for spare, generator in zip(self.spare, others[:2], strict=True)
        )
        *chances, mixing = (torch.rand(shape, generator=generator) for generator in others[2:])
        upside_down, mirrored = ((chance < 0.5) & self.flips for chance in chances)
        return Draws(numbers[:needed].view(shape), top, left, upside_down, mirrored, mixing)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs to go on from here."""
        generators = {kind: generator.get_state() for kind, generator in self.generators.items()}
        return {"generators": generators, "waiting": self.waiting.clone()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where :meth:`state` was called."""
        for kind, generator_state in state["generators"].items():
            self.generators[kind].set_state(generator_state)
        self.waiting = state["waiting"]


def drawn_view(pixels: Tensor, side: int, top: Tensor, left: Tensor, upside_down: Tensor, mirrored: Tensor) -> Tensor:
    """Cut one square of each image and flip it: the training view.

    Args:
        pixels: uint8 (n, H, W, C).
        side: Side of the square in pixels.
        top: First row, int64 (n,).
        left: First column.
        upside_down: Whether to flip vertically, bool (n,).
        mirrored: Whether to flip horizontally.

    Returns:
        uint8 (n, side, side, C).
    """
    rows, columns = _window(side, top, upside_down), _window(side, left, mirrored)
    images = torch.arange(len(pixels), device=pixels.device).view(-1, 1, 1)
    return pixels[images, rows.unsqueeze(2), columns.unsqueeze(1)]


def _window(side: int, start: Tensor, flipped: Tensor) -> Tensor:
    """The positions of a window along one axis for each image, int64 (n, side)."""
    window = torch.arange(side, device=start.device).expand(len(start), side)
    return start.unsqueeze(1) + torch.where(flipped.unsqueeze(1), window.flip(1), window)
