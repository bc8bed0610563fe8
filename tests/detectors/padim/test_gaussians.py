import numpy as np
import pytest
import torch

from pipeline.detectors.padim.gaussians import Scatter

CPU = torch.device("cpu")


def features(images: int, seed: int = 0) -> torch.Tensor:
    mixing = torch.randn(5, 5, generator=torch.Generator().manual_seed(9))
    drawn = torch.randn(images, 5, 2, 3, generator=torch.Generator().manual_seed(seed))
    return torch.einsum("cd,ndhw->nchw", mixing, drawn) + 30


@pytest.mark.parametrize("images", [2, 3, 40])
def test_batches_give_the_distances_of_numpys_covariance_at_each_position(images: int) -> None:
    known, asked = features(images), features(4, seed=1)
    scatter = Scatter(6, 5, CPU)
    for batch in torch.split(known, 7):
        scatter.add(batch)
    ours = scatter.gaussians(0.01).distances(asked)
    assert ours.shape == (4, 2, 3)
    for row, column in np.ndindex(2, 3):
        here = known[:, :, row, column].double().numpy()
        covariance = np.cov(here, rowvar=False) + 0.01 * np.eye(5)
        difference = asked[:, :, row, column].double().numpy() - here.mean(0)
        squared = np.einsum("nc,cd,nd->n", difference, np.linalg.inv(covariance), difference)
        np.testing.assert_allclose(ours[:, row, column], np.sqrt(squared), rtol=1e-4)


def test_more_positions_than_are_inverted_at_once_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scatter = Scatter(6, 5, CPU)
    scatter.add(features(20))
    whole = scatter.gaussians(0.01)
    monkeypatch.setattr("pipeline.detectors.padim.gaussians.AT_ONCE", 4)
    parts = scatter.gaussians(0.01)
    torch.testing.assert_close(parts.whitening, whole.whitening)
    torch.testing.assert_close(parts.traces(), whole.traces())


def test_traces_are_those_of_the_inverse_covariances() -> None:
    known = features(40)
    scatter = Scatter(6, 5, CPU)
    scatter.add(known)
    covariance = np.cov(known[:, :, 0, 0].double().numpy(), rowvar=False) + 0.01 * np.eye(5)
    assert scatter.gaussians(0.01).traces()[0].item() == pytest.approx(np.trace(np.linalg.inv(covariance)), rel=1e-4)


def test_a_covariance_without_inverse_is_an_error() -> None:
    scatter = Scatter(6, 5, CPU)
    scatter.add(features(2))
    with pytest.raises(ValueError, match="cannot be inverted"):
        scatter.gaussians(1e-300)
