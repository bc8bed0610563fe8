import math

import pytest
import torch
from torch import nn

from pipeline.detectors.deep_geo.wide_resnet import Block, WideResNet


def trainable(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_parameters_of_the_network_for_64_px() -> None:
    """WRN-16-8 on gray images: two blocks in each group, of 128, 256 and 512 channels."""
    first = 9 * 1 * 16
    # normalisation of what comes in, 3×3, normalisation, 3×3, and 1×1 where channels change
    group1 = (2 * 16 + 9 * 16 * 128 + 2 * 128 + 9 * 128 * 128 + 16 * 128) + 2 * (2 * 128 + 9 * 128 * 128)
    group2 = (2 * 128 + 9 * 128 * 256 + 2 * 256 + 9 * 256 * 256 + 128 * 256) + 2 * (2 * 256 + 9 * 256 * 256)
    group3 = (2 * 256 + 9 * 256 * 512 + 2 * 512 + 9 * 512 * 512 + 256 * 512) + 2 * (2 * 512 + 9 * 512 * 512)
    # 16 × 16 positions, of which 2 × 2 averages remain: 2048 features
    last = 2 * 512 + 2048 * 72 + 72
    assert first + group1 + group2 + group3 + last == 11_103_480 == trainable(WideResNet(1, 64, 16, 8, 72))


def test_parameters_of_the_network_for_32_px() -> None:
    """WRN-10-4 on images in colour: one block in each group, of 64, 128 and 256 channels."""
    first = 9 * 3 * 16
    group1 = 2 * 16 + 9 * 16 * 64 + 2 * 64 + 9 * 64 * 64 + 16 * 64
    group2 = 2 * 64 + 9 * 64 * 128 + 2 * 128 + 9 * 128 * 128 + 64 * 128
    group3 = 2 * 128 + 9 * 128 * 256 + 2 * 256 + 9 * 256 * 256 + 128 * 256
    last = 2 * 256 + 256 * 72 + 72  # 8 × 8 positions, of which one average remains
    assert first + group1 + group2 + group3 + last == 1_214_744 == trainable(WideResNet(3, 32, 10, 4, 72))


def test_a_network_of_width_one_adds_what_comes_into_its_first_group() -> None:
    network = WideResNet(1, 32, 10, 1, 72)
    assert network.blocks[0].shortcut is None
    assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 72)


def test_weights_are_drawn_as_in_the_release() -> None:
    torch.manual_seed(0)
    network = WideResNet(1, 64, 16, 8, 72)
    convolution = network.blocks[1].convolution2.weight
    assert convolution.std().item() == pytest.approx(math.sqrt(2 / (9 * 128)), rel=0.02)
    assert network.dense.weight.abs().max().item() == pytest.approx(1 / math.sqrt(2048), rel=0.01)
    assert network.dense.weight.std().item() == pytest.approx(1 / math.sqrt(3 * 2048), rel=0.02)
    assert not network.dense.bias.any()


def test_a_halving_convolution_pads_below_and_on_the_right_alone() -> None:
    convolution = Block(1, 2, 2).convolution1
    kernel = torch.zeros(2, 1, 3, 3)
    kernel[0, 0, 0, 0] = kernel[1, 0, 2, 2] = 1
    nn.init.zeros_(convolution[1].weight)
    convolution[1].weight.data += kernel
    x = torch.arange(1.0, 17).view(1, 1, 4, 4)
    assert convolution(x)[0].tolist() == [[[1, 3], [9, 11]], [[11, 0], [0, 0]]]


def test_a_shortcut_takes_the_input_where_it_fits_and_else_convolves_the_activated_one() -> None:
    x = torch.randn(2, 3, 8, 8)
    same, wider = Block(3, 3, 1).eval(), Block(3, 5, 2).eval()
    for block in (same, wider):
        nn.init.zeros_(block.convolution2.weight)
    torch.testing.assert_close(same(x), x)
    activated = (x / math.sqrt(1 + 1e-5)).clamp_min(0)
    expected = torch.einsum("oi,nihw->nohw", wider.shortcut.weight[:, :, 0, 0], activated[:, :, ::2, ::2])
    torch.testing.assert_close(wider(x), expected)
