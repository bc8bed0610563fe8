import copy

import numpy as np
import torch
from torch.nn import functional

from pipeline.compute.device import Workplace
from pipeline.detectors.deep_geo.classifier import Classifier
from pipeline.detectors.deep_geo.transformations import origins, transformed
from pipeline.detectors.deep_geo.wide_resnet import WideResNet
from pipeline.detectors.training import CentralViews

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)


def classifier() -> Classifier:
    torch.manual_seed(0)
    views = CentralViews(IMAGES, np.arange(4), None, Workplace())
    return Classifier(WideResNet(1, 32, 10, 1, 72), views, origins(32, 8), 0.01)


def test_a_step_is_adams_on_cross_entropy_and_the_penalty_on_all_parameters() -> None:
    learner = classifier()
    network = copy.deepcopy(learner.networks["classifier"])
    adam = torch.optim.Adam(network.parameters(), 0.01, eps=1e-7)
    x = torch.from_numpy(IMAGES[[0, 3]]).permute(0, 3, 1, 2) / 127.5 - 1
    shown = torch.stack([x[0], x[1].flip(2).rot90(1, (1, 2))])  # image 0 as it is, image 3 flipped and turned once
    entropy = functional.cross_entropy(network(shown), torch.tensor([0, 37]))
    penalty = sum(2.5e-4 * weight.square().sum() for weight in network.parameters())
    torch.autograd.backward(entropy + penalty)
    adam.step()
    loss = learner.step(torch.tensor([[0, 3 * 72 + 37]]), 0)
    torch.testing.assert_close(loss, entropy.detach())
    for found, expected in zip(learner.networks.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(learner.adam.state[found]["exp_avg"], 0.1 * expected.grad, atol=1e-6, rtol=1e-4)
        # Adam divides by the size of a gradient: where that is nothing but rounding, so is the direction of its step.
        assert (found - expected).abs().median() < 1e-5


def test_held_out_images_are_seen_in_evaluation_each_under_one_transformation_and_change_nothing() -> None:
    learner = classifier()
    before = copy.deepcopy(learner.networks.state_dict())
    loss = learner.held_out_loss(learner.views, 4)
    x = torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 127.5 - 1
    logits = learner.networks["classifier"].eval()(transformed(x, origins(32, 8)[:4]))
    np.testing.assert_allclose(loss, functional.cross_entropy(logits, torch.arange(4)).item(), rtol=1e-5)
    for name, value in learner.networks.state_dict().items():
        assert torch.equal(value, before[name])
