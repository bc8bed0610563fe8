"""The authors' networks of LeNet's kind, for images of any size that can be halved often enough."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

KERNEL = 5
EPSILON = 1e-4  # of batch normalisation
SLOPE = 0.01  # of the leaky ReLU


class Encoder(nn.Sequential):
    """Maps images (n, C, side, side) to points (n, latent_dim).

    No bias and no affine normalisation anywhere: with them a network could map everything to the centre, whatever it
    sees.

    Args:
        image_channels: 1 or 3.
        side: Of images in pixels.
        channels: Width of each convolution.
        latent_dim: Dimensions of the points.
    """

    def __init__(self, image_channels: int, side: int, channels: Sequence[int], latent_dim: int) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise((image_channels, *channels)):
            layers += [_convolution(before, after), *_activation(after), nn.MaxPool2d(2)]
        smallest = side // 2 ** len(channels)
        last = nn.Linear(channels[-1] * smallest**2, latent_dim, bias=False)
        super().__init__(*layers, nn.Flatten(), last)


class Decoder(nn.Sequential):
    """Maps points (n, latent_dim) to images (n, C, side, side) in [0, 1]; for pre-training only.

    The authors' transposed convolutions have stride 1, where they are convolutions of another order of weights.

    Args:
        image_channels: 1 or 3.
        side: Of images in pixels.
        channels: Width of each convolution of the encoder.
        latent_dim: Dimensions of the points.
    """

    def __init__(self, image_channels: int, side: int, channels: Sequence[int], latent_dim: int) -> None:
        smallest = side // 2 ** len(channels)
        first = latent_dim // smallest**2
        widths = (first, *reversed(channels))
        layers: list[nn.Module] = [
            nn.BatchNorm1d(latent_dim, EPSILON, affine=False),
            nn.Unflatten(1, (first, smallest, smallest)),
            nn.LeakyReLU(SLOPE),
        ]
        for before, after in pairwise(widths):
            layers += [_convolution(before, after), *_activation(after), nn.Upsample(scale_factor=2)]
        super().__init__(*layers, _convolution(widths[-1], image_channels), nn.Sigmoid())


def _convolution(before: int, after: int) -> nn.Conv2d:
    convolution = nn.Conv2d(before, after, KERNEL, padding=KERNEL // 2, bias=False)
    nn.init.xavier_uniform_(convolution.weight, nn.init.calculate_gain("leaky_relu", SLOPE))
    return convolution


def _activation(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(width, EPSILON, affine=False), nn.LeakyReLU(SLOPE)
