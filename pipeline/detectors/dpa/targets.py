"""Targets f(x) of the training images, kept where a training shows the same images again and again."""

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from pipeline.detectors.dpa.growth import Phase
from pipeline.detectors.dpa.losses import ReconstructionLoss
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.dpa.shown import Shown
from pipeline.detectors.residual import halve
from pipeline.features.perceptual_loss import Target


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


class PhaseTargets(NamedTuple):
    """The targets of what a phase shows, and in a transition of the halved images."""

    high: KnownTargets
    low: KnownTargets

    def of(self, images: Tensor, numbers: Tensor, alpha: Tensor | None) -> tuple[list[Target], list[Target]]:
        """Return both of a batch, see :meth:`KnownTargets.of`; those of halved images are none in a stable phase."""
        low = [] if alpha is None else self.low.of(halve(images), numbers)
        return self.high.of(images, numbers), low


def phase_targets(
    phase: Phase, loss: ReconstructionLoss, shown: Shown, settings: DpaSettings, room: int
) -> PhaseTargets:
    """Keep those targets of a phase that are always the same, used at least twice, and fit.

    They are of images that are always shown in the same way. What a transition shows changes with α, but halved it does
    not: down((1−α)·up(down(x)) + α·x) = down(x) for averages of areas.

    Args:
        phase: The phase.
        loss: The loss that compares them.
        shown: The images.
        settings: Of the training.
        room: Bytes that images and targets may take on the device.
    """
    resolution = phase.resolution if phase.kind == "stable" else phase.resolution // 2
    whole = not settings.flips and shown.spare == (0, 0)
    same = phase.kind == "stable" or not settings.reference_downsampling
    often = phase.iterations * phase.batch_size >= 2 * len(shown.train)
    live = KnownTargets(loss, None, 0)
    if not (settings.loss.perceptual and whole and same and often and shown.store.resident):
        return PhaseTargets(live, live)
    first = next(shown.central(shown.train[:1], resolution))
    if shown.store.bytes + bytes_of_targets(loss, first, len(shown.train)) > room:
        return PhaseTargets(live, live)
    kept = KnownTargets(loss, shown.central(shown.train, resolution), len(shown.train))
    return PhaseTargets(kept, live) if phase.kind == "stable" else PhaseTargets(live, kept)


def _all_targets(loss: ReconstructionLoss, views: Iterable[Tensor], count: int) -> list[Target]:
    """Fill one array per layer, so that nothing lies in memory twice."""
    kept: list[Target] = []
    done = 0
    for view in views:
        targets = loss.targets(view)
        if not kept:
            kept = [Target(*(part.new_empty((count, *part.shape[1:])) for part in layer)) for layer in targets]
        for layer, target in zip(kept, targets, strict=True):
            for part, values in zip(layer, target, strict=True):
                part[done : done + len(view)] = values
        done += len(view)
    return kept


def bytes_of_targets(loss: ReconstructionLoss, view: Tensor, count: int) -> int:
    """How much room the targets of ``count`` images take, from those of one view (1, C, R, R)."""
    return sum(part.nbytes for layer in loss.targets(view) for part in layer) * count
