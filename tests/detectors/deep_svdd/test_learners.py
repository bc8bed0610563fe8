import numpy as np
import pytest
import torch

from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.deep_svdd.contrast import Contrast
from pipeline.detectors.deep_svdd.learners import OneClass, Pretraining, soft_boundary, squared_distances
from pipeline.detectors.deep_svdd.networks import Decoder, Encoder
from pipeline.detectors.deep_svdd.settings import DeepSvddSettings
from pipeline.detectors.training import CentralViews

SHAPE = (1, 16, (4, 8), 16)
BATCH = torch.arange(8).unsqueeze(0)
CONTRAST = Contrast(-3.0, 3.0)


@pytest.fixture
def views(tiny_images: Images) -> CentralViews:
    return CentralViews(tiny_images.pixels, np.arange(8), 16, Workplace())


def one_class(views: CentralViews, milestones: tuple[int, ...] = (), warm_up: int = 0, **changes: object) -> OneClass:
    torch.manual_seed(0)
    networks = torch.nn.ModuleDict({"encoder": Encoder(*SHAPE)})
    settings = DeepSvddSettings(learning_rate=1e-3, **changes)
    return OneClass(networks, views, CONTRAST, settings, milestones, torch.full((16,), 0.5), warm_up)


def test_distances_are_squared_lengths() -> None:
    points, centre = torch.randn(5, 3), torch.randn(3)
    expected = np.linalg.norm(points.numpy() - centre.numpy(), axis=1) ** 2
    np.testing.assert_allclose(squared_distances(points, centre), expected, rtol=1e-5)


def test_a_soft_boundary_counts_its_size_and_what_lies_outside() -> None:
    losses = soft_boundary(torch.tensor([1.0, 4.0, 9.0]), torch.tensor(2.0), 0.5)
    assert losses.tolist() == [4, 4, 4 + (9 - 4) / 0.5]


def test_a_step_pulls_images_to_the_centre(views: CentralViews) -> None:
    learner = one_class(views)
    losses = [learner.step(BATCH, iteration).item() for iteration in range(30)]
    assert losses[-1] < losses[0] / 2


def test_the_first_loss_is_the_mean_distance_in_the_batch_s_own_statistics(views: CentralViews) -> None:
    learner = one_class(views)
    seen = CONTRAST(views.take(torch.arange(8)))
    expected = squared_distances(learner.networks["encoder"].train()(seen), learner.centre).mean().item()
    assert learner.step(BATCH, 0).item() == pytest.approx(expected, rel=1e-6)


def test_the_radius_is_a_quantile_of_the_last_batch_after_the_warm_up(views: CentralViews) -> None:
    learner = one_class(views, warm_up=1, objective="soft_boundary", nu=0.25)
    seen = CONTRAST(views.take(torch.arange(8)))
    learner.step(BATCH, 0)
    assert learner.radius == 0
    with torch.no_grad():
        points = learner.networks["encoder"].train()(seen)
    learner.step(BATCH, 1)
    lengths = np.linalg.norm(points.numpy() - learner.centre.numpy(), axis=1)
    assert learner.radius.item() == pytest.approx(np.quantile(lengths, 0.75), rel=1e-5)


def test_the_learning_rate_falls_to_a_tenth_at_each_milestone(views: CentralViews) -> None:
    learner, rates = one_class(views, milestones=(1, 3)), []
    for iteration in range(4):
        learner.step(BATCH, iteration)
        rates.append(learner.adam.param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3, 1e-4, 1e-4, 1e-5])


def test_an_autoencoder_learns_to_reconstruct_and_is_asked_in_evaluation_mode(
    views: CentralViews, tiny_images: Images
) -> None:
    torch.manual_seed(0)
    networks = torch.nn.ModuleDict({"encoder": Encoder(*SHAPE), "decoder": Decoder(*SHAPE)})
    learner = Pretraining(networks, views, CONTRAST, DeepSvddSettings(learning_rate=1e-2), ())
    losses = [learner.step(BATCH, iteration).item() for iteration in range(30)]
    assert losses[-1] < losses[0] / 2
    alone = [learner.mean_loss(tiny_images.pixels, np.array([row])) for row in (9, 10)]
    assert learner.mean_loss(tiny_images.pixels, np.array([9, 10])) == pytest.approx(np.mean(alone), rel=1e-5)
