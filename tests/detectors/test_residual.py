import torch

from pipeline.detectors.residual import ResidualBlock, double, halve


def test_doubling_repeats_each_pixel() -> None:
    x = torch.tensor([[[[1.0, 2.0]]]])
    assert double(x)[0, 0].tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_a_block_without_resampling_is_its_two_convolutions_plus_its_input() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(3, 3)
    x = torch.randn(1, 3, 5, 5)
    act = torch.nn.LeakyReLU(0.2)
    torch.testing.assert_close(block(x), x + block.conv2(act(block.conv1(act(x)))))


def test_a_block_pools_after_the_first_activation_and_on_the_skip_path() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(3, 4, "halve")
    x = torch.randn(1, 3, 6, 6)
    act = torch.nn.LeakyReLU(0.2)
    expected = block.skip(halve(x)) + block.conv2(act(block.conv1(halve(act(x)))))
    torch.testing.assert_close(block(x), expected)
