import pytest
import torch
from torch import nn

from pipeline.detectors.piad.networks import Autoencoder, image_critic, latent_critic
from pipeline.detectors.piad.settings import PiadSettings


def conv(channels_in: int, channels_out: int, kernel: int) -> int:
    return channels_in * channels_out * kernel**2 + channels_out


def block(channels_in: int, channels_out: int) -> int:
    """Two 3×3 convolutions, and a 1×1 on the skip path where the number of channels changes."""
    skip = conv(channels_in, channels_out, 1) if channels_in != channels_out else 0
    return conv(channels_in, channels_out, 3) + conv(channels_out, channels_out, 3) + skip


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_number_of_weights_is_that_of_the_published_layers() -> None:
    settings = PiadSettings()
    with torch.device("meta"):
        gray, coloured = Autoencoder(settings, 1), Autoencoder(settings, 3)
        of_images, of_latents = image_critic(settings, 1), latent_critic(settings)
    # 64, 32, 16, 8 and 4 px
    down = block(32, 32) + block(32, 64) + block(64, 128) + block(128, 256) + block(256, 256)
    up = block(256, 256) + block(256, 128) + block(128, 64) + block(64, 32)
    assert count(gray.encoder) == conv(1, 32, 3) + down + conv(256, 256, 4) == 3_453_376
    assert count(gray.decoder) == conv(256, 256, 4) + up + conv(32, 1, 3)
    assert count(coloured) - count(gray) == 2 * 32 * 9 + 2 * (32 * 9 + 1)
    critic = block(32, 32) + block(32, 64) + block(64, 128) + 2 * block(128, 128)
    assert count(of_images) == conv(1, 32, 3) + critic + conv(128, 1, 4)
    assert count(of_latents) == (256 + 1) * 1024 + (1024 + 1) * 1024 + (1024 + 1)


@pytest.mark.parametrize(("side", "channels"), [(64, [8, 8, 8, 8, 8]), (32, [8, 8, 8, 8]), (8, [8, 8])])
def test_images_of_any_power_of_two_are_reconstructed_over_a_1x1_latent(side: int, channels: list[int]) -> None:
    content = {"side": side, "channels": channels, "critic_channels": channels, "latent_dim": 5, "layers": ["r12"]}
    settings = PiadSettings.read(content)
    images, latents = torch.zeros(2, 3, side, side), torch.zeros(2, 5, 1, 1)
    autoencoder = Autoencoder(settings, 3)
    assert autoencoder.encoder(images).shape == (2, 5, 1, 1)
    assert autoencoder.decoder(latents).shape == autoencoder(images).shape == images.shape
    assert image_critic(settings, 3)(images).shape == (2, 1, 1, 1)
    assert latent_critic(settings)(latents).shape == (2, 1)


def test_initial_weights_are_kaiming_of_images_and_xavier_of_latents() -> None:
    torch.manual_seed(0)
    settings = PiadSettings()
    weight = Autoencoder(settings, 1).get_parameter("encoder.3.conv1.weight")  # 64 channels to 128
    assert weight.std().item() == pytest.approx((2 / (1.04 * 128 * 9)) ** 0.5, rel=0.02)
    first, second, last = (layer.weight for layer in latent_critic(settings) if isinstance(layer, nn.Linear))
    for weights, fans, gain in ((first, 256 + 1024, 2 / 1.04), (second, 2048, 2 / 1.04), (last, 1024 + 1, 1)):
        assert weights.abs().max().item() == pytest.approx((gain * 6 / fans) ** 0.5, rel=0.01)
