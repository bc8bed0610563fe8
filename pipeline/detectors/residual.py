"""Residual blocks of the networks that are trained here, pre-activation and without normalisation.

He et al., *Identity Mappings in Deep Residual Networks*, 2016.

All convolutions are 3×3 with zero padding and biases unless said otherwise; activations are LeakyReLU(0.2); down is
average pooling, up is nearest-neighbour.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

SLOPE = 0.2


def halve(x: Tensor) -> Tensor:
    """Halve the sides by averaging areas: (N, C, 2h, 2w) to (N, C, h, w)."""
    return F.avg_pool2d(x, 2)


def double(x: Tensor) -> Tensor:
    """Double the sides by nearest-neighbour upsampling: (N, C, h, w) to (N, C, 2h, 2w)."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


class ResidualBlock(nn.Module):
    """act → conv → act → conv, added to the skip path.

    The skip path is a 1×1 convolution where the number of channels changes, else the identity. Pooling and
    upsampling happen after the first activation and on the skip path (before its 1×1 convolution).

    Args:
        channels_in: Channels of the input.
        channels_out: Channels of the output.
        resample: ``halve``, ``double`` or None.
    """

    def __init__(self, channels_in: int, channels_out: int, resample: str | None = None) -> None:
        super().__init__()
        resamplers: dict[str | None, Callable[[Tensor], Tensor]] = {
            "halve": halve,
            "double": double,
            None: nn.Identity(),
        }
        self.resample = resamplers[resample]
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.skip = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels_in, h, w) to (N, channels_out, h', w')."""
        h = self.conv1(self.resample(F.leaky_relu(x, SLOPE)))
        h = self.conv2(F.leaky_relu_(h, SLOPE))
        skip: Tensor = self.skip(self.resample(x))
        out: Tensor = skip + h
        return out


def initialise(module: nn.Module) -> None:
    """Give a convolution Kaiming-normal weights (fan out, LeakyReLU); biases stay as torch draws them."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=SLOPE, mode="fan_out", nonlinearity="leaky_relu")
