import numpy as np
import torch

from pipeline.detectors.deep_svdd.centre import centre_of, pushed_from_zero


def test_the_centre_is_the_mean_of_all_batches_whatever_their_sizes() -> None:
    points = torch.randn(10, 4) + 3
    found = centre_of([points[:7], points[7:]])
    np.testing.assert_allclose(found, points.double().numpy().mean(0), rtol=1e-6)


def test_coordinates_near_0_are_pushed_away_on_their_own_side() -> None:
    mean = torch.tensor([0.5, 0.09, 0.0, -0.09, -0.5])
    assert pushed_from_zero(mean).tolist() == torch.tensor([0.5, 0.1, 0.1, -0.1, -0.5]).tolist()
