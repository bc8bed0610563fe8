import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.detectors.piad.gradient_ratio import GradientRatio, averaged


def gradients(loss: torch.Tensor, *parameters: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, parameters, retain_graph=True))


def test_two_layers_worked_by_hand() -> None:
    # y = b·a·x at x = 1, so that ∂y/∂a = b and ∂y/∂b = a
    a, b = (torch.tensor([[value]], requires_grad=True) for value in (2.0, 4.0))
    reconstruction = 0.5 * (b * a).sum()  # gradients 0.5·4 = 2 and 0.5·2 = 1
    adversarial = (a**2 / 4 + 3 * b).sum()  # gradients 2·2 / 4 = 1 and 3
    ratio = GradientRatio()
    assert ratio.weight == 1
    ratio.record(gradients(adversarial, a, b), gradients(reconstruction, a, b))
    assert ratio.weight == pytest.approx((1 / 2 + 3 / 1) / 2)  # the median of two is their mean
    # Then the adversarial loss's gradient of a is 21, averaged to 0.95·1 + 0.05·21 = 2; all others stay.
    ratio.record([torch.tensor([[21.0]]), torch.tensor([[3.0]])], [torch.tensor([[2.0]]), torch.tensor([[1.0]])])
    # ratios of both tensors in both records: 1/2, 3/1, 2/2, 3/1
    assert ratio.weight == pytest.approx((1 + 3) / 2)


def test_a_tensors_size_is_its_euclidean_norm() -> None:
    ratio = GradientRatio()
    ratio.record([torch.tensor([[3.0, -4.0], [0.0, 12.0]])], [torch.tensor([[0.0, 2.0]])])
    assert ratio.weight == pytest.approx(13 / 2)


def test_averages_are_exponentially_weighted_from_the_first_value_on() -> None:
    values = np.random.default_rng(0).random((30, 2, 3))
    found = averaged(torch.from_numpy(values)).numpy().reshape(30, 6)
    expected = pd.DataFrame(values.reshape(30, 6)).ewm(alpha=0.05, adjust=False).mean()
    np.testing.assert_allclose(found, expected)


def test_only_the_last_200_records_count() -> None:
    long, short = GradientRatio(), GradientRatio()
    for number in range(210):
        for ratio in (long, short) if number >= 10 else (long,):
            ratio.record([torch.tensor([float(number)])], [torch.tensor([2.0])])
    assert long.weight == short.weight


def test_it_goes_on_from_a_kept_state() -> None:
    first, again = GradientRatio(), GradientRatio()
    again.restore(first.state())
    assert again.weight == 1
    first.record([torch.tensor([3.0])], [torch.tensor([2.0])])
    again.restore(first.state())
    assert again.weight == 1.5
    for ratio in (first, again):
        ratio.record([torch.tensor([5.0])], [torch.tensor([7.0])])
    assert first.weight == again.weight
