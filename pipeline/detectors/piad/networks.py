"""The four networks of PIAD: encoder, decoder and the critics of images and of latents.

Convolutions, activations and ways down and up are those of :mod:`pipeline.detectors.residual`; there is one block per
resolution, and no network bounds its output.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from pipeline.detectors.piad.settings import LAST_MAP, PiadSettings
from pipeline.detectors.residual import SLOPE, ResidualBlock, initialise


def encoder(image_channels: int, channels: Sequence[int], outputs: int) -> nn.Sequential:
    """Images (N, image_channels, R, R) to (N, outputs, 1, 1); with one output it is the critic of images.

    Args:
        image_channels: 1 or 3.
        channels: Per resolution, from R down to 4.
        outputs: Channels of what comes out.
    """
    network = nn.Sequential(
        nn.Conv2d(image_channels, channels[0], 3, padding=1),
        ResidualBlock(channels[0], channels[0]),
        *(ResidualBlock(high, low, "halve") for high, low in pairwise(channels)),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(channels[-1], outputs, LAST_MAP),
    )
    return network.apply(initialise)


def decoder(latent_dim: int, channels: Sequence[int], image_channels: int) -> nn.Sequential:
    """Latents (N, latent_dim, 1, 1) to images (N, image_channels, R, R); arguments as in :func:`encoder`."""
    network = nn.Sequential(
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(latent_dim, channels[-1], LAST_MAP, padding=LAST_MAP - 1),
        *(ResidualBlock(low, high, "double") for low, high in pairwise(reversed(channels))),
        nn.LeakyReLU(SLOPE),
        nn.Conv2d(channels[0], image_channels, 3, padding=1),
    )
    return network.apply(initialise)


class Autoencoder(nn.Module):
    """Encoder and decoder, which also makes images of latents that no encoder made."""

    def __init__(self, settings: PiadSettings, image_channels: int) -> None:
        super().__init__()
        self.encoder = encoder(image_channels, settings.channels, settings.latent_dim)
        self.decoder = decoder(settings.latent_dim, settings.channels, image_channels)

    def forward(self, images: Tensor) -> Tensor:
        """Reconstruct images (N, C, R, R) in [−1, 1]."""
        reconstructed: Tensor = self.decoder(self.encoder(images))
        return reconstructed


def image_critic(settings: PiadSettings, image_channels: int) -> nn.Sequential:
    """Images (N, C, R, R) to how real they are, (N, 1, 1, 1)."""
    return encoder(image_channels, settings.critic_channels, 1)


def latent_critic(settings: PiadSettings) -> nn.Sequential:
    """Latents (N, latent_dim, 1, 1) to how much like N(0, I) they are, (N, 1)."""
    widths = (settings.latent_dim, *settings.latent_critic_channels)
    hidden = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.LeakyReLU(SLOPE))]
    network = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(widths[-1], 1))
    for layer, following in zip(network, [*network[1:], None], strict=True):
        if isinstance(layer, nn.Linear):
            gain = nn.init.calculate_gain("leaky_relu", SLOPE) if following else 1.0
            nn.init.xavier_uniform_(layer.weight, gain)
    return network
