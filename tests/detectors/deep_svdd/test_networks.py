import torch

from pipeline.detectors.deep_svdd.networks import Decoder, Encoder

RELEASED = (3, 32, (32, 64, 128), 128)


def parameters(network: torch.nn.Module) -> int:
    return sum(values.numel() for values in network.parameters())


def test_the_networks_for_32_px_have_as_many_parameters_as_the_released_ones() -> None:
    convolutions = 5 * 5 * (3 * 32 + 32 * 64 + 64 * 128)
    assert parameters(Encoder(*RELEASED)) == convolutions + 128 * 4 * 4 * 128 == 520_544
    # The 128 numbers of a point are 8 maps of 4×4 pixels.
    assert parameters(Decoder(*RELEASED)) == 5 * 5 * (8 * 128 + 128 * 64 + 64 * 32 + 32 * 3) == 284_000


def test_nothing_can_map_all_images_to_one_point_by_itself() -> None:
    names = [name for name, _ in (*Encoder(*RELEASED).named_parameters(), *Decoder(*RELEASED).named_parameters())]
    assert all(name.endswith("weight") for name in names)  # no bias
    assert len(names) == 4 + 4  # no scale of a batch normalisation


def test_an_image_of_any_size_that_can_be_halved_comes_back() -> None:
    shape = (1, 24, (4, 8, 8), 18)
    points = Encoder(*shape)(torch.rand(2, 1, 24, 24))
    images = Decoder(*shape)(points)
    assert points.shape == (2, 18)
    assert images.shape == (2, 1, 24, 24)
    assert images.min() > 0
    assert images.max() < 1
