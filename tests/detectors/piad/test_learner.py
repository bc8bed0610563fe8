import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.compute.device import Workplace
from pipeline.data.images import Images
from pipeline.detectors.piad.learner import BATCHES, PiadLearner
from pipeline.detectors.piad.networks import Autoencoder
from pipeline.detectors.piad.settings import PiadSettings
from pipeline.detectors.training import CentralViews

NUMBERS = torch.arange(12).view(BATCHES, 4) % 8


def pixel_l1(images: Tensor, reconstructions: Tensor) -> Tensor:
    return (images - reconstructions).abs().mean((1, 2, 3))


@pytest.fixture
def learner(tiny: PiadSettings, tiny_images: Images) -> PiadLearner:
    torch.manual_seed(0)
    views = CentralViews(tiny_images.pixels, np.arange(8), tiny.side, Workplace())
    return PiadLearner(tiny, Autoencoder(tiny, 1), views, pixel_l1, seed=0)


def weights(network: torch.nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten().clone() for parameter in network.parameters()])


def test_critics_learn_from_the_first_two_batches_and_the_autoencoder_from_the_last(
    learner: PiadLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    names = dict(zip(map(id, learner.optimisers), learner.networks, strict=True))
    for optimiser in learner.optimisers:
        step = optimiser.step
        monkeypatch.setattr(optimiser, "step", lambda o=optimiser, s=step: (order.append(names[id(o)]), s()))
    take = learner.views.take
    monkeypatch.setattr(learner.views, "take", lambda numbers: (order.append(numbers.tolist()), take(numbers))[1])
    before = {name: weights(network) for name, network in learner.networks.items()}
    learner.step(NUMBERS, 0)
    critics = ["image_critic", "latent_critic"]
    assert order == [[0, 1, 2, 3], *critics, [4, 5, 6, 7], *critics, [0, 1, 2, 3], "autoencoder"]
    for name, network in learner.networks.items():
        assert not torch.equal(weights(network), before[name])


def test_gradients_of_the_reconstruction_are_weighed_by_network_and_the_adversarys_added(
    learner: PiadLearner, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner.ratios["encoder"].weight, learner.ratios["decoder"].weight = 2.0, 5.0
    monkeypatch.setattr(learner.optimisers[0], "step", lambda: None)
    x = learner.views.take(NUMBERS[0])
    z = torch.randn(4, 4, 1, 1, generator=torch.Generator().set_state(learner.noise.get_state()))
    loss = learner._train_autoencoder(x, is_weighed=False)
    found = {name: p.grad.clone() for name, p in learner.autoencoder.named_parameters() if p.grad is not None}

    learner.autoencoder.zero_grad()
    encode, decode = learner.autoencoder.encoder, learner.autoencoder.decoder
    reconstruction = (x - decode(encode(x))).abs().mean()
    torch.testing.assert_close(loss, reconstruction.detach())
    reconstruction.backward()
    for name, parameter in learner.autoencoder.named_parameters():
        assert parameter.grad is not None
        parameter.grad *= 2.0 if name.startswith("encoder") else 5.0
    (-learner.latent_critic(encode(x)).mean()).backward()
    (-learner.image_critic(decode(z)).mean()).backward()
    assert set(found) == {name for name, _ in learner.autoencoder.named_parameters()}
    for name, parameter in learner.autoencoder.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


def test_weights_are_1_until_gradients_are_looked_at_every_so_many_iterations(learner: PiadLearner) -> None:
    learner.step(NUMBERS, 0)
    assert [ratio.weight for ratio in learner.ratios.values()] == [1, 1]
    learner.step(NUMBERS, 1)  # the second one, and `weigh_every` is 2
    tensors = [len(ratio.norms[0][0]) for ratio in learner.ratios.values()]
    # weights alone: 3×3, blocks of 2, 2 and 3 (whose channels change), 4×4; 4×4, blocks of 3 and 2, 3×3
    assert tensors == [1 + 2 + 2 + 3 + 1, 1 + 3 + 2 + 1]
    assert all(ratio.weight != 1 for ratio in learner.ratios.values())
    learner.step(NUMBERS, 2)
    assert [len(ratio.norms) for ratio in learner.ratios.values()] == [1, 1]


def test_a_weight_makes_the_reconstruction_count_as_much_as_the_adversary(learner: PiadLearner) -> None:
    learner.step(NUMBERS, 1)
    for ratio in learner.ratios.values():
        adversary, reconstruction = ratio.norms[0]
        larger = (ratio.weight * reconstruction > adversary).double().mean()
        assert 0.4 <= larger.item() <= 0.6
