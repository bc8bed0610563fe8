"""The authors' networks, which are DCGAN's: 4×4 convolutions, batch normalisation, no biases."""

import torch
from torch import Tensor, nn

SMALLEST = 4  # px: the last map of an encoder, the first one of a decoder
SPREAD = 0.02  # of initial weights


class Encoder(nn.Module):
    """Maps images (n, C, side, side) to codes (n, latent_dim).

    Args:
        image_channels: 1 or 3.
        side: Of images in pixels, a power of two.
        width: Maps of the first convolution.
        latent_dim: Numbers of a code.

    Attributes:
        features: All but the last layer, to maps (n, width · side / 8, 4, 4).
        last: The last one.
    """

    def __init__(self, image_channels: int, side: int, width: int, latent_dim: int) -> None:
        super().__init__()
        layers = [_down(image_channels, width), nn.LeakyReLU(0.2)]
        while side > 2 * SMALLEST:
            layers += [_down(width, 2 * width), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)]
            side, width = side // 2, 2 * width
        self.features = nn.Sequential(*layers)
        self.last = nn.Sequential(nn.Conv2d(width, latent_dim, SMALLEST, bias=False), nn.Flatten())

    def forward(self, x: Tensor) -> Tensor:
        """See above."""
        codes: Tensor = self.last(self.features(x))
        return codes


class Decoder(nn.Sequential):
    """Maps codes (n, latent_dim) to images (n, C, side, side) in (−1, 1); see :class:`Encoder`, which it mirrors."""

    def __init__(self, image_channels: int, side: int, width: int, latent_dim: int) -> None:
        maps = width * side // (2 * SMALLEST)
        layers = [nn.ConvTranspose2d(latent_dim, maps, SMALLEST, bias=False), nn.BatchNorm2d(maps), nn.ReLU()]
        while maps > width:
            layers += [_up(maps, maps // 2), nn.BatchNorm2d(maps // 2), nn.ReLU()]
            maps //= 2
        super().__init__(nn.Unflatten(1, (latent_dim, 1, 1)), *layers, _up(width, image_channels), nn.Tanh())


class Generator(nn.Module):
    """Encodes, decodes, and encodes again; see :class:`Encoder`."""

    def __init__(self, image_channels: int, side: int, width: int, latent_dim: int) -> None:
        super().__init__()
        shape = (image_channels, side, width, latent_dim)
        self.encoder, self.decoder, self.second_encoder = Encoder(*shape), Decoder(*shape), Encoder(*shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstructions, the images' codes and the reconstructions' codes."""
        codes = self.encoder(x)
        reconstructed = self.decoder(codes)
        return reconstructed, codes, self.second_encoder(reconstructed)


class Discriminator(Encoder):
    """Tells images from reconstructions by one number, the logit of being an image; see :class:`Encoder`."""

    def __init__(self, image_channels: int, side: int, width: int) -> None:
        super().__init__(image_channels, side, width, 1)

    def opinion(self, features: Tensor) -> Tensor:
        """Of :attr:`features` to logits (n,)."""
        logits: Tensor = self.last(features)
        return logits.squeeze(1)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw fresh weights: N(0, 0.02²) of convolutions, N(1, 0.02²) and 0 of normalisations.

    Args:
        network: Anything of this module, on any device.
        generator: On the CPU, so that every device gets the same.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
            mean = 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0
            weight = torch.empty(layer.weight.shape).normal_(mean, SPREAD, generator=generator)
            with torch.no_grad():
                layer.weight.copy_(weight)
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.zeros_(layer.bias)


def _down(before: int, after: int) -> nn.Module:
    return nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)


def _up(before: int, after: int) -> nn.Module:
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
