"""PatchCore: distances of patches to the nearest ones of a bank (Roth et al. 2022)."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch

from pipeline.compute.device import Workplace
from pipeline.compute.seeding import generator
from pipeline.detectors.base import Detector, History
from pipeline.detectors.model_files import check_backbone, opened_model, tensor_of, write_model
from pipeline.detectors.patchcore.coreset import even_sample, k_centre, projected
from pipeline.detectors.patchcore.descriptors import describe
from pipeline.detectors.patchcore.settings import PatchcoreSettings
from pipeline.errors import PipelineError
from pipeline.features.frozen import FrozenFeatures
from pipeline.features.neighbours import nearest
from pipeline.features.patches import resized_maps, smooth_map


class Patchcore(Detector):
    """Scores the largest distance of an image's patches to the nearest ones of training images.

    Args:
        settings: Which features, and which patches are kept.
        image_channels: 1 or 3.
        place: Where to compute.
        preparation: How the images were made, to be kept in the model's file.
    """

    def __init__(
        self, settings: PatchcoreSettings, image_channels: int, place: Workplace, preparation: dict[str, Any]
    ) -> None:
        self.settings, self.image_channels, self.preparation, self.place = settings, image_channels, preparation, place
        self.seen = FrozenFeatures(**settings.seen, place=place)
        self.bank = np.empty((0, settings.dimension), np.float32)

    def fit(
        self, images: np.ndarray, train: np.ndarray, held_out: np.ndarray, seed: int, scratch: Path | None = None
    ) -> History:
        """Choose the patches that are kept; candidates, projection and first patch are drawn."""
        candidates, patches = self._candidates(images, train, seed)
        count = min(self.settings.bank, len(candidates), math.ceil(self.settings.coreset * patches))
        if self.settings.rule == "reweighted" and count < self.settings.neighbours:
            raise PipelineError(
                f"detectors.patchcore.neighbours is {self.settings.neighbours}, but the bank holds {count} patches: "
                "lower it, or raise detectors.patchcore.coreset"
            )
        points = projected(candidates, self.settings.projection, generator(seed, "patchcore", "projection"))
        first = int(generator(seed, "patchcore", "first").integers(len(points)))
        chosen, radius = k_centre(points, count, first, self.place.device)
        self.bank = candidates[chosen]
        return History(pd.DataFrame({"iteration": [1], "loss": [round(radius, 6)]}), 1)

    def score(self, images: np.ndarray) -> np.ndarray:
        """See :meth:`Detector.score`; from 0 on."""
        return np.concatenate([np.empty(0), *(self._scores(patches) for patches, _ in self._described(images))])

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        """The smoothed distances of patches, float32 (N, h, w)."""
        shape, sigma = self.seen.input_shape(images), self.settings.smoothing
        maps = (
            smooth_map(torch.from_numpy(self._nearest(patches)[0].reshape(-1, *grid)), shape, sigma)
            for patches, grid in self._described(images)
        )
        return resized_maps(maps, self.seen.scored_shape(images))

    def save(self, path: Path) -> None:
        """Write the bank."""
        learnt = {"bank": torch.from_numpy(self.bank), "backbone_checksum": self.seen.checksum}
        write_model(path, self.settings, self.image_channels, self.preparation, **learnt)

    @classmethod
    def load(cls, path: Path, settings: PatchcoreSettings, place: Workplace) -> Self:
        """See :func:`pipeline.detectors.registry.load`."""
        with opened_model(path) as content:
            own = PatchcoreSettings.model_validate_json(content["settings"])
            own = own.model_copy(update={"weights": settings.weights})
            detector = cls(own, content["image_channels"], place, dict(content["preparation"]))
            check_backbone(path, own.backbone, detector.seen.checksum, content)
            bank = tensor_of(content, "bank", torch.float32, None, own.dimension)
            if own.rule == "reweighted" and len(bank) < own.neighbours:
                raise ValueError("the bank holds fewer patches than are asked for")
            detector.bank = bank.numpy()
        return detector

    def _candidates(self, images: np.ndarray, train: np.ndarray, seed: int) -> tuple[np.ndarray, int]:
        """Descriptors float32 (m, D) of some patches of the training images, and how many patches these have."""
        draws, done, taken, positions = generator(seed, "patchcore", "candidates"), 0, [], 0
        for layers in self.seen.checked_maps(images, train):
            patches = describe(layers, self.settings.dimension)
            count, positions = patches.shape[:2]
            drawn = even_sample(len(train), done, done + count, positions, self.settings.candidates, draws)
            taken += [image[torch.from_numpy(at)].cpu().numpy() for image, at in zip(patches, drawn, strict=True)]
            done += count
        return np.concatenate(taken), done * positions

    def _described(self, images: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[int, int]]]:
        """Descriptors of images in batches, float32 (n, h·w, D), and h and w."""
        for layers in self.seen.maps(images):
            height, width = layers[0].shape[2:]
            yield describe(layers, self.settings.dimension).cpu().numpy(), (height, width)

    def _nearest(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distances float64 (n, P) of patches float32 (n, P, D) to the bank, and the nearest entries int64 (n, P)."""
        distances, entries = nearest(patches.reshape(-1, patches.shape[2]), self.bank, 1, self.place.device)
        return distances.reshape(patches.shape[:2]), entries.reshape(patches.shape[:2])

    def _scores(self, patches: np.ndarray) -> np.ndarray:
        """Score images by their patches float32 (n, P, D): float64 (n,)."""
        distances, entries = self._nearest(patches)
        if self.settings.rule == "official":
            return np.asarray(distances.max(1))
        rows, worst = np.arange(len(patches)), distances.argmax(1)
        farthest, entry = patches[rows, worst], self.bank[entries[rows, worst]]
        _, around = nearest(entry, self.bank, self.settings.neighbours, self.place.device)
        to_neighbours = np.linalg.norm(farthest[:, None].astype(np.float64) - self.bank[around], axis=2)
        # Equation 7; its sum begins with the nearest patch itself, the first of its own neighbours.
        share = torch.from_numpy(to_neighbours).softmax(1)[:, 0].numpy()
        return np.asarray((1 - share) * distances.max(1))


DETECTOR = Patchcore
