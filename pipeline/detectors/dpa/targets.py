"""Targets f(x) of the training images, kept where a training shows the same images again and again."""

from collections.abc import Iterable

from torch import Tensor

from pipeline.detectors.dpa.losses import ReconstructionLoss
from pipeline.detectors.dpa.perceptual_loss import Target


class KnownTargets:
    """What reconstructions are compared with at one resolution: looked up where it is kept, else computed.

    Only whole, unflipped images can be kept; crops and flips are new each time.

    Args:
        loss: The loss that compares them.
        views: All training images as shown at this resolution, in order, in batches; None where they are not kept.
        count: Number of training images.
    """

    def __init__(self, loss: ReconstructionLoss, views: Iterable[Tensor] | None, count: int) -> None:
        self.loss = loss
        self.kept: list[Target] | None = None
        if views is not None:
            self.kept = _all_targets(loss, views, count)

    def of(self, images: Tensor, numbers: Tensor) -> list[Target]:
        """Return the targets of a batch.

        Args:
            images: What is shown, (n, C, R, R).
            numbers: Which training images they are, int64 (n,), on the same device.
        """
        if self.kept is None:
            return self.loss.targets(images)
        return [Target(layer.features[numbers], layer.size[numbers]) for layer in self.kept]


def _all_targets(loss: ReconstructionLoss, views: Iterable[Tensor], count: int) -> list[Target]:
    """Fill one array per layer, so that nothing lies in memory twice."""
    kept: list[Target] = []
    done = 0
    for view in views:
        found = loss.targets(view)
        if not kept:
            kept = [Target(*(part.new_empty((count, *part.shape[1:])) for part in layer)) for layer in found]
        for layer, of_view in zip(kept, found, strict=True):
            for part, values in zip(layer, of_view, strict=True):
                part[done : done + len(view)] = values
        done += len(view)
    return kept


def bytes_of_targets(loss: ReconstructionLoss, view: Tensor, count: int) -> int:
    """How much room the targets of ``count`` images take, from those of one view (1, C, R, R)."""
    return sum(part.nbytes for layer in loss.targets(view) for part in layer) * count
