"""The progressively growing autoencoder g (paper §III-B, figure 3), from top to bottom.

All convolutions are 3×3 with zero padding and biases unless said otherwise; blocks are pre-activation with
LeakyReLU(0.2) and no normalisation layer; down is average pooling, up is nearest-neighbour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

SLOPE = 0.2
LATENT_KERNEL = 4  # a 1×1 latent is a 4×4 convolution away from the last 4×4 map


def halve(x: Tensor) -> Tensor:
    """Halve the sides by averaging areas: (N, C, 2h, 2w) to (N, C, h, w)."""
    return F.avg_pool2d(x, 2)


def double(x: Tensor) -> Tensor:
    """Double the sides by nearest-neighbour upsampling: (N, C, h, w) to (N, C, 2h, 2w)."""
    return F.interpolate(x, scale_factor=2, mode="nearest")


def mix(low: Tensor, high: Tensor, alpha: Tensor) -> Tensor:
    """Fade from the low-resolution path to the high-resolution one: (1−α)·low + α·high."""
    return (1 - alpha) * low + alpha * high


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


@dataclass(frozen=True)
class Architecture:
    """The sizes that encoder and decoder share.

    Attributes:
        depth: 18 (two residual blocks per resolution) or 9 (one).
        image_channels: 1 for X-rays, 3 for slides.
        channels: Channels per resolution, from the largest image down to the encoder's last map.
        resolution: Side of the largest image.
        first_resolution: Side at which training starts.
        latent_dim: Channels of the latent.
        latent_size: Side of the latent, 1 or the side of the encoder's last map.
    """

    depth: int
    image_channels: int
    channels: Sequence[int]
    resolution: int
    first_resolution: int
    latent_dim: int
    latent_size: int

    @property
    def blocks(self) -> int:
        """Residual blocks per resolution."""
        return {9: 1, 18: 2}[self.depth]

    @property
    def width(self) -> dict[int, int]:
        """Resolution to channels, from the largest image down to the last map."""
        return {self.resolution >> i: channels for i, channels in enumerate(self.channels)}

    @property
    def base(self) -> int:
        """Side of the encoder's last map."""
        return min(self.width)

    @property
    def image_resolutions(self) -> list[int]:
        """The sides that images have during the growth, the largest first."""
        return [r for r in self.width if r >= self.first_resolution]

    @property
    def step_resolutions(self) -> list[int]:
        """The sides that are halved or doubled on the way, the largest first."""
        return [r for r in self.width if r > self.base]


class Encoder(nn.Module):
    """From an image of any resolution of the growth to the latent."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a, width = architecture, architecture.width
        self.base = a.base
        self.input_blocks = nn.ModuleDict(
            {
                str(r): nn.Sequential(
                    nn.Conv2d(a.image_channels, width[r], 3, padding=1),
                    *(ResidualBlock(width[r], width[r]) for _ in range(a.blocks)),
                )
                for r in a.image_resolutions
            }
        )
        self.steps_down = nn.ModuleDict(
            {
                str(r): nn.Sequential(
                    ResidualBlock(width[r], width[r // 2], "halve"),
                    *(ResidualBlock(width[r // 2], width[r // 2]) for _ in range(a.blocks - 1)),
                )
                for r in a.step_resolutions
            }
        )
        self.last = (
            nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv2d(width[a.base], a.latent_dim, LATENT_KERNEL))
            if a.latent_size == 1
            else ResidualBlock(width[a.base], a.latent_dim)
        )

    def forward(self, x: Tensor, alpha: Tensor | None = None) -> Tensor:
        """Encode; during a transition the input block and step of x's resolution are being faded in.

        Args:
            x: Images (N, image_channels, R, R), in [−1, 1].
            alpha: Share of the high-resolution path, a scalar; None outside transitions.

        Returns:
            Latents (N, latent_dim, latent_size, latent_size).
        """
        resolution = x.shape[-1]
        h = self.input_blocks[str(resolution)](x)
        if resolution > self.base:
            h = self.steps_down[str(resolution)](h)
            resolution //= 2
            if alpha is not None:
                h = mix(self.input_blocks[str(resolution)](halve(x)), h, alpha)
        while resolution > self.base:
            h = self.steps_down[str(resolution)](h)
            resolution //= 2
        latent: Tensor = self.last(h)
        return latent


class Decoder(nn.Module):
    """The encoder mirrored: from the latent to a content tensor of the wanted resolution."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        a, width = architecture, architecture.width
        self.base = a.base
        self.first = (
            nn.Sequential(
                nn.LeakyReLU(SLOPE),
                nn.Conv2d(a.latent_dim, width[a.base], LATENT_KERNEL, padding=LATENT_KERNEL - 1),
            )
            if a.latent_size == 1
            else ResidualBlock(a.latent_dim, width[a.base])
        )
        self.steps_up = nn.ModuleDict(
            {
                str(r): nn.Sequential(
                    ResidualBlock(width[r // 2], width[r], "double"),
                    *(ResidualBlock(width[r], width[r]) for _ in range(a.blocks - 1)),
                )
                for r in a.step_resolutions
            }
        )
        self.output_blocks = nn.ModuleDict(
            {
                str(r): nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv2d(width[r], a.image_channels, 3, padding=1))
                for r in a.image_resolutions
            }
        )

    def forward(self, latent: Tensor, resolution: int, alpha: Tensor | None = None) -> Tensor:
        """Decode to (N, image_channels, resolution, resolution); α as in :meth:`Encoder.forward`."""
        h = self.first(latent)
        low = h
        at = self.base
        while at < resolution:
            at *= 2
            low, h = h, self.steps_up[str(at)](h)
        x: Tensor = self.output_blocks[str(resolution)](h)
        if alpha is not None:
            x = mix(double(self.output_blocks[str(resolution // 2)](low)), x, alpha)
        return x


class Autoencoder(nn.Module):
    """g: image → latent → content tensor x̌ of the image's size (paper §III-A).

    Example:
        >>> sizes = Architecture(18, 1, [16] * 5, resolution=64, first_resolution=8, latent_dim=16, latent_size=1)
        >>> Autoencoder(sizes)(torch.zeros(2, 1, 32, 32), alpha=torch.tensor(0.5)).shape
        torch.Size([2, 1, 32, 32])
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.encoder = Encoder(architecture)
        self.decoder = Decoder(architecture)
        self.apply(initialise)

    def forward(self, x: Tensor, alpha: Tensor | None = None) -> Tensor:
        """Reconstruct images (N, image_channels, R, R) in [−1, 1]; the output is not bounded."""
        content: Tensor = self.decoder(self.encoder(x, alpha), x.shape[-1], alpha)
        return content


def initialise(module: nn.Module) -> None:
    """Give a convolution Kaiming-normal weights (fan out, LeakyReLU); biases stay as torch draws them."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, a=SLOPE, mode="fan_out", nonlinearity="leaky_relu")
