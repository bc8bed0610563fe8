"""The two trainings: an autoencoder first, then its encoder alone."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.detectors.deep_svdd.contrast import Contrast
from pipeline.detectors.deep_svdd.settings import DeepSvddSettings
from pipeline.detectors.square_views import over_views
from pipeline.detectors.training import CentralViews, Learner


class Descending(Learner):
    """Adam with weight decay, whose learning rate falls to a tenth at each milestone.

    Args:
        networks: What is trained, on the device.
        views: The training images.
        contrast: How networks see them.
        settings: Learning rate and weight decay.
        milestones: Iterations.
    """

    def __init__(
        self,
        networks: nn.ModuleDict,
        views: CentralViews,
        contrast: Contrast,
        settings: DeepSvddSettings,
        milestones: Sequence[int],
    ) -> None:
        self.networks, self.views, self.contrast = networks, views, contrast
        self.rate, self.milestones = settings.learning_rate, milestones
        self.adam = torch.optim.Adam(networks.parameters(), lr=self.rate, weight_decay=settings.weight_decay)
        self.optimisers = [self.adam]
        self.noise = torch.Generator()  # of which nothing is drawn

    def step(self, numbers: Tensor, iteration: int) -> Tensor:
        """See :meth:`Learner.step`; one batch."""
        for group in self.adam.param_groups:
            group["lr"] = self.rate * 0.1 ** sum(iteration >= milestone for milestone in self.milestones)
        self.networks.train()
        loss = self.loss(self.contrast(self.views.take(numbers[0])), iteration)
        self.adam.zero_grad()
        torch.autograd.backward(loss)
        self.adam.step()
        return loss.detach()

    def loss(self, x: Tensor, iteration: int) -> Tensor:
        """The mean loss of a training batch, a scalar.

        Args:
            x: What networks see, float32 (n, C, side, side).
            iteration: Counted from 0.
        """
        return self.losses(x).mean()

    @abstractmethod
    def losses(self, x: Tensor) -> Tensor:
        """The loss of each image, (n,)."""

    def mean_loss(self, images: np.ndarray, rows: np.ndarray) -> float:
        """The mean loss of images that are not trained on."""
        self.networks.eval()
        side, device = self.views.side or images.shape[1], self.views.device
        return float(over_views(images, rows, side, device, lambda views: self.losses(self.contrast(views))).mean())


class Pretraining(Descending):
    """``encoder`` and ``decoder`` learn to reconstruct; see :class:`Descending`."""

    def losses(self, x: Tensor) -> Tensor:
        """The squared error of each reconstruction, summed over its pixels."""
        reconstructed: Tensor = self.networks["decoder"](self.networks["encoder"](x))
        return (reconstructed - x).square().sum((1, 2, 3))


class OneClass(Descending):
    """``encoder`` learns to map images to the centre, or into a sphere around it with a soft boundary.

    Args:
        networks: With ``encoder``.
        views: The training images.
        contrast: How networks see them.
        settings: The objective, learning rate and weight decay.
        milestones: Iterations.
        centre: float32 (latent_dim,), on the device.
        warm_up: Iterations before the radius of a soft boundary is set.
    """

    def __init__(
        self,
        networks: nn.ModuleDict,
        views: CentralViews,
        contrast: Contrast,
        settings: DeepSvddSettings,
        milestones: Sequence[int],
        centre: Tensor,
        warm_up: int,
    ) -> None:
        super().__init__(networks, views, contrast, settings, milestones)
        self.soft, self.nu, self.warm_up = settings.objective == "soft_boundary", settings.nu, warm_up
        self.centre = centre
        self.radius = torch.zeros((), device=centre.device)

    def loss(self, x: Tensor, iteration: int) -> Tensor:
        """See :meth:`Descending.loss`; the radius for the next batch is that of this one."""
        distances = squared_distances(self.networks["encoder"](x), self.centre)
        loss = self._objective(distances).mean()
        if self.soft and iteration >= self.warm_up:
            self.radius = distances.detach().sqrt().quantile(1 - self.nu)
        return loss

    def losses(self, x: Tensor) -> Tensor:
        """See :meth:`Descending.losses`."""
        return self._objective(squared_distances(self.networks["encoder"](x), self.centre))

    def state(self) -> dict[str, Any]:
        """See :meth:`Learner.state`."""
        return super().state() | {"radius": self.radius.cpu()}

    def restore(self, state: dict[str, Any]) -> None:
        """See :meth:`Learner.restore`."""
        super().restore(state)
        self.radius = state["radius"].to(self.centre.device)

    def _objective(self, distances: Tensor) -> Tensor:
        return soft_boundary(distances, self.radius, self.nu) if self.soft else distances


def squared_distances(points: Tensor, centre: Tensor) -> Tensor:
    """From points (n, D) to the centre (D,); (n,)."""
    return (points - centre).square().sum(1)


def soft_boundary(distances: Tensor, radius: Tensor, nu: float) -> Tensor:
    """The size of the sphere, and what lies outside of it by its share.

    Args:
        distances: Squared, (n,).
        radius: Of the sphere, a scalar.
        nu: The share that may lie outside.
    """
    return radius**2 + (distances - radius**2).relu() / nu
