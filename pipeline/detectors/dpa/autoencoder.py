"""The progressively growing autoencoder g (paper §III-B, figure 3), from top to bottom.

Its convolutions, activations and ways down and up are those of :mod:`pipeline.detectors.residual`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from pipeline.detectors.residual import SLOPE, ResidualBlock, double, halve, initialise

LATENT_KERNEL = 4  # a 1×1 latent is a 4×4 convolution away from the last 4×4 map


def mix(low: Tensor, high: Tensor, alpha: Tensor) -> Tensor:
    """Fade from the low-resolution path to the high-resolution one: (1−α)·low + α·high."""
    return (1 - alpha) * low + alpha * high


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
