import numpy as np
import pytest
import torch

from pipeline.detectors.ganomaly.networks import Decoder, Discriminator, Encoder, Generator, initialise

RELEASED = (3, 32, 64, 100)


def parameters(network: torch.nn.Module) -> int:
    return sum(values.numel() for values in network.parameters())


def test_the_networks_for_32_px_have_as_many_parameters_as_the_released_ones() -> None:
    # 4×4 convolutions without bias, and scale and shift of the normalisations after all but the first and last.
    encoder = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 100) + 2 * (128 + 256)
    decoder = 16 * (100 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (256 + 128 + 64)
    assert parameters(Encoder(*RELEASED)) == encoder == 1_068_800
    assert parameters(Decoder(*RELEASED)) == decoder == 1_068_928
    assert parameters(Generator(*RELEASED)) == 2 * encoder + decoder
    critic = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 1) + 2 * (128 + 256)
    assert parameters(Discriminator(*RELEASED[:3])) == critic == 663_296


@pytest.mark.parametrize("side", [8, 16, 64])
def test_an_image_comes_back_with_a_code_before_and_after(side: int) -> None:
    images = torch.rand(2, 1, side, side)
    reconstructed, codes, again = Generator(1, side, 4, 6)(images)
    assert reconstructed.shape == images.shape
    assert reconstructed.abs().max() < 1
    assert codes.shape == again.shape == (2, 6)
    discriminator = Discriminator(1, side, 4)
    features = discriminator.features(images)
    assert features.shape == (2, 4 * side // 8, 4, 4)
    assert discriminator.opinion(features).shape == (2,)


def test_initial_weights_are_small_and_those_of_the_generator_of_numbers() -> None:
    networks = [Generator(3, 32, 16, 8) for _ in range(2)]
    for network in networks:
        initialise(network, torch.Generator().manual_seed(3))
    first, second = (network.state_dict() for network in networks)
    assert all(torch.equal(first[name], second[name]) for name in first)
    convolutions, scales, shifts = [], [], []
    for layer in networks[0].modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            scales.append(layer.weight.detach().flatten())
            shifts.append(layer.bias.detach())
        elif isinstance(layer, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            convolutions.append(layer.weight.detach().flatten())
    assert torch.cat(convolutions).std().item() == pytest.approx(0.02, rel=0.02)
    assert torch.cat(convolutions).mean().item() == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose([torch.cat(scales).mean(), torch.cat(scales).std()], [1, 0.02], atol=4e-3)
    assert not torch.cat(shifts).any()
