"""The wide residual network that tells transformations apart (Zagoruyko & Komodakis 2016)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

POOL = 8  # side of the squares that are averaged at the end
HALVINGS = 2


class WideResNet(nn.Module):
    """Classifies squares; WRN-depth-width.

    Args:
        image_channels: 1 or 3.
        side: Of the squares in pixels, a multiple of 32.
        depth: 4, and 6 for each block of a group.
        width: Channels of the three groups are 16, 32 and 64 times that.
        classes: How many.
    """

    def __init__(self, image_channels: int, side: int, depth: int, width: int, classes: int) -> None:
        super().__init__()
        channels = (16, 16 * width, 32 * width, 64 * width)
        blocks = []
        for (inner, outer), stride in zip(pairwise(channels), (1, 2, 2), strict=True):
            blocks.append(Block(inner, outer, stride))
            blocks += [Block(outer, outer, 1) for _ in range((depth - 4) // 6 - 1)]
        squares = (side // 2**HALVINGS // POOL) ** 2
        self.first = _convolution(image_channels, channels[0], 3, 1)
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(channels[-1])
        self.dense = nn.Linear(channels[-1] * squares, classes)  # torch draws its weights as the release does
        nn.init.zeros_(self.dense.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of views (n, C, side, side)."""
        features = torch.relu(self.norm(self.blocks(self.first(x))))
        logits: Tensor = self.dense(functional.avg_pool2d(features, POOL).flatten(1))
        return logits


class Block(nn.Module):
    """Normalisation, ReLU and 3 × 3 convolution, twice, added to what comes in.

    Where the number of channels changes, a 1 × 1 convolution of the activated input is added in its place.
    """

    def __init__(self, inner: int, outer: int, stride: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(inner), nn.BatchNorm2d(outer)
        self.convolution1 = _convolution(inner, outer, 3, stride)
        self.convolution2 = _convolution(outer, outer, 3, 1)
        self.shortcut = _convolution(inner, outer, 1, stride) if inner != outer else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, inner, H, W) to (n, outer, H / stride, W / stride)."""
        active = torch.relu(self.norm1(x))
        kept: Tensor = self.shortcut(active) if self.shortcut else x
        changed: Tensor = self.convolution2(torch.relu(self.norm2(self.convolution1(active))))
        return kept + changed


def _convolution(inner: int, outer: int, size: int, stride: int) -> nn.Module:
    convolution = nn.Conv2d(inner, outer, size, stride, padding=size // 2 if stride == 1 else 0, bias=False)
    nn.init.kaiming_normal_(convolution.weight)
    # As the release's TensorFlow: where it halves an image, it pads below and on the right alone.
    return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), convolution) if (size, stride) == (3, 2) else convolution
