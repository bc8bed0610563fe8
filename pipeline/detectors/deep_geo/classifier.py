"""Training the network that tells transformations apart."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.detectors.deep_geo.transformations import COUNT, transformed
from pipeline.detectors.training import CentralViews, Learner
from pipeline.features.views import SCORING_BATCH

WEIGHT_DECAY = 5e-4  # gradient of the release's L2 penalty 2.5e-4 · Σw², which takes in all parameters
EPSILON = 1e-7  # Keras's


class Classifier(Learner):
    """Learns which transformation an image underwent, by cross-entropy; sample i is image i // 72 under i mod 72.

    Args:
        network: What answers, on the device.
        views: The training images.
        origins: See :func:`pipeline.detectors.deep_geo.transformations.origins`; on the device.
        learning_rate: Of Adam.
    """

    def __init__(self, network: nn.Module, views: CentralViews, origins: Tensor, learning_rate: float) -> None:
        self.networks = nn.ModuleDict({"classifier": network})
        self.views, self.origins = views, origins
        self.adam = torch.optim.Adam(network.parameters(), learning_rate, eps=EPSILON, weight_decay=WEIGHT_DECAY)
        self.optimisers = [self.adam]
        self.noise = torch.Generator()  # of which nothing is drawn

    def step(self, numbers: Tensor, iteration: int) -> Tensor:
        """See :meth:`Learner.step`; one batch."""
        self.networks.train()
        loss = self._loss(self.views, numbers[0] // COUNT, numbers[0] % COUNT)
        self.adam.zero_grad()
        torch.autograd.backward(loss)
        self.adam.step()
        return loss.detach()

    def held_out_loss(self, views: CentralViews, count: int) -> float:
        """Mean cross-entropy of other images, each under one of the transformations, which take turns.

        Args:
            views: The images.
            count: How many there are.
        """
        self.networks.eval()
        total = 0.0
        with torch.no_grad():
            for start in range(0, count, SCORING_BATCH):
                numbers = torch.arange(start, min(start + SCORING_BATCH, count))
                total += self._loss(views, numbers, numbers % COUNT).item() * len(numbers)
        return total / count

    def _loss(self, views: CentralViews, images: Tensor, transformations: Tensor) -> Tensor:
        wanted = transformations.to(self.origins.device)
        logits = self.networks["classifier"](transformed(views.take(images), self.origins[wanted]))
        return functional.cross_entropy(logits, wanted)
