import pytest
import torch
from torch.nn.functional import adaptive_avg_pool1d, avg_pool2d, interpolate, unfold

from pipeline.detectors.patchcore.descriptors import describe


def step_by_step(layers: list[torch.Tensor], dimension: int) -> torch.Tensor:
    """The order of the authors' code: list neighbourhoods, resample the lists, average each, average all."""
    grid, described = layers[0].shape[2:], []
    for layer in layers:
        lists = unfold(layer, 3, padding=1).unflatten(2, layer.shape[2:])
        resampled = interpolate(lists, grid, mode="bilinear", align_corners=False)
        described.append(adaptive_avg_pool1d(resampled.flatten(2).transpose(1, 2), dimension))
    return adaptive_avg_pool1d(torch.cat(described, 2), dimension)


@pytest.mark.parametrize("dimension", [1, 5, 8, 12, 24, 40])
def test_descriptors_are_those_of_the_authors_steps(dimension: int) -> None:
    torch.manual_seed(0)
    layers = [torch.randn(2, 12, 6, 5), torch.randn(2, 16, 3, 2), torch.randn(2, 7, 1, 1)]
    torch.testing.assert_close(describe(layers, dimension), step_by_step(layers, dimension))


def test_as_many_numbers_as_channels_are_means_over_three_by_three() -> None:
    layer = torch.randn(2, 6, 5, 4, generator=torch.Generator().manual_seed(0))
    means = avg_pool2d(layer, 3, stride=1, padding=1).flatten(2).transpose(1, 2)
    torch.testing.assert_close(describe([layer], 6), means)
