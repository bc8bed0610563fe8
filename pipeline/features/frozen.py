"""What a frozen network answers to prepared images: maps of its layers, and their means over all positions."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from mmap import mmap
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pipeline.compute.device import Workplace
from pipeline.compute.portions import portions
from pipeline.compute.scratch import scratch_key
from pipeline.compute.workers import on_cluster, process_all
from pipeline.errors import PipelineError
from pipeline.features.backbones import checksum, frozen_network
from pipeline.features.kept import kept
from pipeline.features.views import SCORING_BATCH, central_view, to_network

BLANK = 224  # px, of an image that any network takes


class FrozenFeatures:
    """The features of central views at some layers of a backbone.

    Args:
        backbone: Its name, see :func:`pipeline.features.backbones.load_backbone`.
        weights: File with its weights; None for its own source.
        layers: Its layers.
        input_size: Side in pixels to which views are resized; None leaves them.
        side: Side in pixels of the central square that is seen; None for whole images.
        place: Where to compute, and where pooled features are kept.

    Raises:
        PipelineError: If the weights cannot be had.

    Attributes:
        checksum: Of the weights, whatever file they came from.
    """

    def __init__(
        self,
        backbone: str,
        weights: str | None,
        layers: Sequence[str],
        input_size: int | None,
        side: int | None,
        place: Workplace,
    ) -> None:
        self.name, self.layers, self.input_size, self.side = backbone, tuple(layers), input_size, side
        self.place = place
        self._asked = (backbone, weights, self.layers, input_size, side)
        self.network = frozen_network(backbone, weights, place.device)
        self.checksum = checksum(self.network)

    def maps(self, images: np.ndarray, rows: np.ndarray | None = None) -> Iterator[list[Tensor]]:
        """Yield the features of images in batches.

        Args:
            images: uint8 (N, H, W, C), memory-mapped or not.
            rows: Which ones, in which order; None for all.

        Returns:
            For at most 64 images at a time, each layer's float32 (n, C, h, w) on the device.

        Raises:
            PipelineError: If the images are too small.
        """
        return self._batches(images, rows, self._remembered_maps)

    def checked_maps(self, images: np.ndarray, rows: np.ndarray) -> Iterator[list[Tensor]]:
        """Yield the features of training images as :meth:`maps` does.

        Raises:
            PipelineError: Naming the first image whose features are not finite, or at the end if all were 0.
        """
        done, answered = 0, False
        for layers in self.maps(images, rows):
            finite = torch.stack([layer.isfinite().flatten(1).all(1) for layer in layers]).all(0).cpu().numpy()
            _check_rows(finite, rows[done : done + len(finite)], self.name)
            answered = answered or any(bool(layer.any()) for layer in layers)
            yield layers
            done += len(finite)
        _check_answered(answered, self.name)

    def scored_shape(self, images: np.ndarray) -> tuple[int, int]:
        """Height and width in pixels of what is seen of each image (N, H, W, C)."""
        return (self.side, self.side) if self.side else (images.shape[1], images.shape[2])

    def input_shape(self, images: np.ndarray) -> tuple[int, int]:
        """Height and width in pixels of what the network is shown of each image (N, H, W, C)."""
        return (self.input_size, self.input_size) if self.input_size else self.scored_shape(images)

    @property
    def channels(self) -> int:
        """Channels of all layers together, as the answers to a blank image have."""
        side = self.input_size or self.side or BLANK
        return sum(answer.shape[1] for answer in self._answers(torch.zeros(1, 3, side, side, device=self.place.device)))

    def pooled(self, images: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Average the features over all positions, layer after layer.

        Returns:
            float32 (N, D), D the sum of the layers' channels.
        """
        rows = np.arange(len(images)) if rows is None else rows
        some = list(portions(images, rows))
        if len(some) > 1 and self._on_cluster:
            job = PooledPart(self._asked, self.place, torch.get_num_threads(), file_of(images))
            items = (portion if job.images else np.asarray(images[portion]) for portion in some)
            parts = list(process_all(job, items, 1, "features"))
        else:
            parts = [self._kept_part(np.asarray(images[portion])) for portion in some]
        return np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    def _batches(
        self, images: np.ndarray, rows: np.ndarray | None, answer: Callable[[np.ndarray], list[Tensor]]
    ) -> Iterator[list[Tensor]]:
        rows = np.arange(len(images)) if rows is None else rows
        if self.side and min(images.shape[1:3]) < self.side:
            raise PipelineError(f"images of {images.shape[1]}×{images.shape[2]} px are smaller than side, {self.side}")
        for start in range(0, len(rows), SCORING_BATCH):
            yield answer(np.asarray(images[rows[start : start + SCORING_BATCH]]))

    def _remembered_maps(self, images: np.ndarray) -> list[Tensor]:
        if self.place.remembered is None:
            return self._maps_of(images)
        maps = self.place.remembered.of(
            f"maps {self._seen}", images, lambda new: [layer.cpu().numpy() for layer in self._maps_of(new)]
        )
        return [torch.from_numpy(layer).to(self.place.device) for layer in maps]

    def _maps_of(self, images: np.ndarray) -> list[Tensor]:
        views = central_view(torch.from_numpy(images), self.side)
        return self._answers(to_network(views.to(self.place.device)))

    def _answers(self, views: Tensor) -> list[Tensor]:
        if self.input_size and views.shape[-2:] != (self.input_size, self.input_size):
            views = interpolate(views, (self.input_size, self.input_size), mode="bilinear", antialias=True)
        try:
            with torch.no_grad():
                answers = self.network(views, self.layers)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise PipelineError(
                f"{self.name} does not take images of {views.shape[-1]} px at {', '.join(self.layers)}: set a larger "
                "`input_size`"
            ) from error
        return [answer.float() for answer in answers]

    def _kept_part(self, images: np.ndarray) -> np.ndarray:
        pixels = hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()
        where = (str(self.place), torch.get_num_threads())
        return kept(
            self.place.features,
            scratch_key(pixels, images.shape, self._seen, where),
            lambda: self._remembered_part(images),
        )

    def _remembered_part(self, images: np.ndarray) -> np.ndarray:
        if self.place.remembered is None:
            return self._pooled_part(images)
        return self.place.remembered.of(f"means {self._seen}", images, lambda new: [self._pooled_part(new)])[0]

    def _pooled_part(self, images: np.ndarray) -> np.ndarray:
        batches = self._batches(images, None, self._maps_of)
        return np.concatenate(
            [torch.cat([layer.mean((2, 3)) for layer in layers], 1).cpu().numpy() for layers in batches]
        )

    @property
    def _on_cluster(self) -> bool:
        """Whether workers see portions of the images; a GPU is faster than they are."""
        return on_cluster() and self.place.device.type == "cpu" and self.place.remembered is None

    @property
    def _seen(self) -> tuple[object, ...]:
        return self.checksum, self.name, self.layers, self.input_size, self.side


@dataclass(frozen=True)
class PooledPart:
    """Sees some images; travels to the workers of a cluster, which keep what they found where all machines see it.

    Attributes:
        asked: Backbone, weights, layers, input size and side, see :class:`FrozenFeatures`.
        place: Where to compute.
        threads: With how many threads, on which sums depend.
        images: The file of all images, of which rows are handed over; None where pixels are.
    """

    asked: tuple[str, str | None, Sequence[str], int | None, int | None]
    place: Workplace
    threads: int
    images: Path | None

    def __call__(self, some: np.ndarray) -> np.ndarray:
        """Return the pooled features of rows int64 (n,) or of images uint8 (n, H, W, C): float32 (n, D)."""
        torch.set_num_threads(self.threads)
        pixels = np.load(self.images, mmap_mode="r")[some] if self.images else some
        return FrozenFeatures(*self.asked, self.place).pooled(pixels)


def file_of(images: np.ndarray) -> Path | None:
    """Return the ``npy`` file of an array that is mapped from all of it; None of parts and others."""
    return Path(images.filename) if isinstance(images, np.memmap) and isinstance(images.base, mmap) else None


def check_finite(features: np.ndarray, rows: np.ndarray, backbone: str) -> None:
    """Check the features of training images.

    Raises:
        PipelineError: Naming the first image whose features are not finite, or if all features are 0.
    """
    _check_rows(np.isfinite(features).all(1), rows, backbone)
    _check_answered(bool(features.any()), backbone)


def _check_rows(finite: np.ndarray, rows: np.ndarray, backbone: str) -> None:
    broken = rows[~finite]
    if len(broken):
        raise PipelineError(
            f"{backbone} answers row {broken[0]} of the arm's index.csv with numbers that are not finite: are the "
            "weights those of the network?"
        )


def _check_answered(answered: bool, backbone: str) -> None:
    if not answered:
        raise PipelineError(f"{backbone} answers 0 to all training images: are they all black, or its weights empty?")


def where_finite(features: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Score features; those that are not finite score NaN, by which whoever asked can name the image.

    Args:
        features: (N, D).
        score: Of (n, D) to (n,).

    Returns:
        float64 (N,).
    """
    scores, finite = np.full(len(features), np.nan), np.isfinite(features).all(1)
    if finite.any():
        scores[finite] = score(features[finite])
    return scores
