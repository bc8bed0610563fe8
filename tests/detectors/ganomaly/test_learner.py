import numpy as np
import pytest
import torch

from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.ganomaly import learner as module
from pipeline.detectors.ganomaly.learner import Game, discrimination_loss, squared_differences
from pipeline.detectors.ganomaly.networks import Discriminator, Generator, initialise
from pipeline.detectors.ganomaly.settings import GanomalySettings
from pipeline.detectors.training import CentralViews

BATCH = torch.arange(8).unsqueeze(0)


def game(images: Images, **changes: object) -> Game:
    networks = Generator(1, 16, 4, 6), Discriminator(1, 16, 4)
    for network in networks:
        initialise(network, torch.Generator().manual_seed(0))
    views = CentralViews(images.pixels, np.arange(8), 16, Workplace())
    return Game(*networks, views, GanomalySettings(**changes), torch.Generator().manual_seed(1))


def test_differences_are_means_of_squares_over_all_numbers_of_an_image() -> None:
    one, other = torch.randn(3, 2, 4), torch.randn(3, 2, 4)
    expected = ((one.numpy() - other.numpy()) ** 2).mean((1, 2))
    np.testing.assert_allclose(squared_differences(one, other), expected, rtol=1e-5)


def test_the_discriminator_s_loss_is_the_cross_entropy_of_both_answers() -> None:
    real, fake = torch.tensor([0.3, -1.0]), torch.tensor([2.0, -0.5])
    chance = [1 / (1 + np.exp(-logits.double().numpy())) for logits in (real, fake)]
    expected = (-np.log(chance[0]).mean() - np.log(1 - chance[1]).mean()) / 2
    assert discrimination_loss(real, fake).item() == pytest.approx(expected, rel=1e-6)


def test_the_loss_is_the_weighted_sum_of_three(tiny_images: Images) -> None:
    weights = {"adversarial_weight": 2.0, "reconstruction_weight": 3.0, "latent_weight": 5.0}
    played = game(tiny_images, **weights)
    x = played.views.take(torch.arange(8))
    with torch.no_grad():
        reconstructed, codes, again = played.generator.train()(x)
        features = [played.discriminator.train().features(images) for images in (x, reconstructed)]
    expected = (
        2 * (features[0] - features[1]).square().mean()
        + 3 * (reconstructed - x).abs().mean()
        + 5 * (codes - again).square().mean()
    )
    assert played.step(BATCH, 0).item() == pytest.approx(expected.item(), rel=1e-5)


def test_both_networks_learn(tiny_images: Images) -> None:
    played = game(tiny_images, learning_rate=2e-3)
    losses = [played.step(BATCH, iteration).item() for iteration in range(40)]
    assert losses[-1] < losses[0] / 2
    x = played.views.take(torch.arange(8))
    with torch.no_grad():
        real, fake = (
            played.discriminator.opinion(played.discriminator.features(images))
            for images in (x, played.generator(x)[0])
        )
    assert real.mean() > fake.mean()


def test_the_generator_alone_is_changed_by_its_loss(tiny_images: Images) -> None:
    # With a learning rate of 0 for itself, the discriminator's gradient is that of its own loss alone.
    played = game(tiny_images)
    played.optimisers[1].param_groups[0]["lr"] = 0.0
    x = played.views.take(torch.arange(8))
    with torch.no_grad():
        fake = played.generator.train()(x)[0]
    opinions = [played.discriminator.opinion(played.discriminator.train().features(images)) for images in (x, fake)]
    expected = torch.autograd.grad(discrimination_loss(*opinions), list(played.discriminator.parameters()))
    played.step(BATCH, 0)
    for weights, gradient in zip(played.discriminator.parameters(), expected, strict=True):
        torch.testing.assert_close(weights.grad, gradient, rtol=1e-4, atol=1e-7)


def test_a_discriminator_that_is_sure_begins_anew(tiny_images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    played, fresh = game(tiny_images), Discriminator(1, 16, 4)
    played.step(BATCH, 0)
    initialise(fresh, torch.Generator().manual_seed(1))
    assert not torch.equal(played.discriminator.last[0].weight, fresh.last[0].weight)
    monkeypatch.setattr(module, "SURE", 100.0)
    played.step(BATCH, 1)
    weights = zip(played.discriminator.parameters(), fresh.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in weights)


def test_held_out_images_are_looked_at_one_by_one_and_change_nothing(tiny_images: Images) -> None:
    played = game(tiny_images)
    played.step(BATCH, 0)
    before = {name: value.clone() for name, value in played.networks.state_dict().items()}
    alone = [played.mean_loss(tiny_images.pixels, np.array([row])) for row in (9, 10)]
    assert played.mean_loss(tiny_images.pixels, np.array([9, 10])) == pytest.approx(np.mean(alone), rel=1e-5)
    assert all(torch.equal(value, before[name]) for name, value in played.networks.state_dict().items())
