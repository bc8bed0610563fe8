"""The deep perceptual autoencoder as a detector (paper §III)."""

import copy
import io
import itertools
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from pipeline.detectors.autoencoder import Architecture, Autoencoder
from pipeline.detectors.backbones import checksum, load_backbone
from pipeline.detectors.growth import Phase, at_resolution, faded_input, growing_loss, phases
from pipeline.detectors.perceptual_loss import FeatureStatistics, RelativePerceptualL1, feature_statistics
from pipeline.detectors.views import central_view, random_view, shuffled_batches, to_network
from pipeline.errors import PipelineError
from pipeline.files import atomic
from pipeline.params.train import Train
from pipeline.seeding import derived_seed
from pipeline.stage import progress_bar

SCORING_BATCH = 64


class DeepPerceptualAutoencoder:
    """An autoencoder trained with nothing but the perceptual loss, which is also its anomaly score.

    Args:
        settings: Network, loss and schedule of the arm.
        image_channels: 1 or 3.
        device: Where to compute.
    """

    def __init__(self, settings: Train, image_channels: int, device: torch.device) -> None:
        self.settings = settings
        self.image_channels = image_channels
        self.device = device
        backbone = load_backbone(settings.backbone, settings.weights)
        self.backbone = backbone.to(device).to(memory_format=torch.channels_last)
        self.losses: dict[int, RelativePerceptualL1] = {}
        self.initialise(0)

    def initialise(self, seed: int) -> None:
        """Give the network fresh weights: what it is before training, and the untrained baseline."""
        torch.manual_seed(derived_seed(seed, "dpa", "initialisation"))
        s = self.settings
        architecture = Architecture(
            self.image_channels, s.channels, s.resolution, s.schedule[0].resolution, s.latent_dim, s.latent_size
        )
        self.network = Autoencoder(architecture).to(self.device).to(memory_format=torch.channels_last)

    def fit(self, train: np.ndarray, held_out: np.ndarray, seed: int) -> pd.DataFrame:
        """Train through all phases of growth; see :meth:`pipeline.detectors.base.Detector.fit`.

        Returns:
            The history: ``iteration`` (counted over all phases), ``phase``, ``resolution``, ``alpha``, ``loss``
            (mean since the row before), ``held_out_loss`` (empty without held-out images).

        Raises:
            PipelineError: If images do not fit the network or the loss stops being finite.
        """
        self._check(train)
        pixels = torch.from_numpy(np.ascontiguousarray(train)).to(self.device)
        self.initialise(seed)
        self.measure_features(train)
        generator = torch.Generator().manual_seed(derived_seed(seed, "dpa", "batches"))
        rows = shuffled_batches(len(pixels), self.settings.batch_size, generator)
        views = (
            random_view(pixels[r.to(self.device)], self.settings.resolution, self.settings.flips, generator)
            for r in rows
        )
        all_phases = phases(self.settings.schedule)
        history: list[dict[str, Any]] = []
        done = 0
        with progress_bar() as bar:
            task = bar.add_task("training", total=sum(p.iterations for p in all_phases), note="")
            for phase in all_phases:
                for row in self._train_phase(phase, views):
                    row["iteration"] += done
                    row["held_out_loss"] = self._held_out_loss(held_out, phase, row["alpha"])
                    history.append(row)
                    bar.update(task, completed=row["iteration"], note=_note(row))
                done += phase.iterations
        return pd.DataFrame(history)

    def measure_features(self, train: np.ndarray) -> None:
        """Set up the loss of each resolution, with μ and σ of its layer over the training normals.

        Args:
            train: uint8 (N, H, W, C); evenly spaced images are taken when there are more than
                ``statistics_images``.
        """
        spaced = np.unique(np.linspace(0, len(train) - 1, min(len(train), self.settings.statistics_images)).astype(int))
        for step in self.settings.schedule:
            batches = (at_resolution(x, step.resolution) for x in self._views(train[spaced]))
            statistics = feature_statistics(self.backbone, step.layer, batches)
            self.losses[step.resolution] = RelativePerceptualL1(self.backbone, step.layer, statistics).to(self.device)

    def untrained(self, seed: int) -> Self:
        """Return the same detector with fresh weights: the baseline that has the loss but has learnt nothing."""
        fresh = copy.copy(self)
        fresh.initialise(seed)
        return fresh

    def score(self, images: np.ndarray) -> np.ndarray:
        """Equation 1 of each image's central view; see :meth:`pipeline.detectors.base.Detector.score`."""
        loss = self.losses[self.settings.resolution]
        with torch.no_grad():
            scores = [loss(x, self.network(x)).cpu().double().numpy() for x in self._views(images)]
        return np.concatenate(scores) if scores else np.empty(0)

    def anomaly_maps(self, images: np.ndarray) -> np.ndarray:
        """The error at each position of the central view, upsampled; (N, resolution, resolution)."""
        side = self.settings.resolution
        loss = self.losses[side]
        with torch.no_grad():
            maps = [
                nn.functional.interpolate(loss.error_map(x, self.network(x))[:, None], (side, side), mode="bilinear")
                for x in self._views(images)
            ]
        return torch.cat(maps)[:, 0].cpu().numpy() if maps else np.empty((0, side, side), np.float32)

    def save(self, path: Path) -> None:
        """Write settings, weights and feature statistics; scoring needs only this and the backbone."""
        content = {
            # Without the place where the backbone's weights lay: it names no other machine's folder.
            "settings": self.settings.model_copy(update={"weights": None}).model_dump_json(),
            "backbone_checksum": checksum(self.backbone),
            "image_channels": self.image_channels,
            "network": {key: value.cpu() for key, value in self.network.state_dict().items()},
            "statistics": {
                r: {"mean": loss.mean.flatten().cpu(), "std": loss.std.flatten().cpu()}
                for r, loss in self.losses.items()
            },
        }
        # torch.save writes the file's name into the file; a buffer has none, so equal models are equal bytes
        buffer = io.BytesIO()
        torch.save(content, buffer)
        with atomic(path) as partial:
            partial.write_bytes(buffer.getvalue())

    @classmethod
    def load(cls, path: Path, weights: str | None = None, device: torch.device | None = None) -> Self:
        """Read what :meth:`save` wrote.

        Args:
            path: The model.
            weights: The backbone's weights, as ``train.<arm>.weights``; they must be those of the training.
            device: Where to compute; the CPU unless given.

        Raises:
            PipelineError: If the file is missing, cut short or not such a model, or the backbone's weights are
                others.
        """
        device = device or torch.device("cpu")
        try:
            content = torch.load(path, map_location="cpu", weights_only=True)
            settings = Train.model_validate_json(content["settings"]).model_copy(update={"weights": weights})
            detector = cls(settings, content["image_channels"], device)
            if checksum(detector.backbone) != content["backbone_checksum"]:
                raise PipelineError(f"{path} was trained with other weights of {settings.backbone}: train again")
            detector.network.load_state_dict(content["network"])
            for step in settings.schedule:
                statistics = FeatureStatistics(**content["statistics"][step.resolution])
                detector.losses[step.resolution] = RelativePerceptualL1(detector.backbone, step.layer, statistics).to(
                    device
                )
        except FileNotFoundError as error:
            raise PipelineError(f"{path} is missing: train the arm first") from error
        except (
            RuntimeError,
            KeyError,
            TypeError,
            EOFError,
            pickle.UnpicklingError,
            ValidationError,
        ) as error:
            raise PipelineError(
                f"{path} is not a whole model of this version: {str(error).splitlines()[0]}; train again"
            ) from error
        return detector

    def _train_phase(self, phase: Phase, views: Iterator[Tensor]) -> Iterator[dict[str, Any]]:
        """Train one phase with a fresh Adam and yield a row of the history now and then."""
        s = self.settings
        optimiser = torch.optim.Adam(self.network.parameters(), lr=s.learning_rate)
        losses: list[Tensor] = []
        for iteration, view in enumerate(itertools.islice(views, phase.iterations)):
            alpha = phase.alpha(iteration)
            x = faded_input(at_resolution(to_network(view), phase.resolution), alpha)
            loss = self._loss(x, phase, alpha).mean()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
            losses.append(loss.detach())
            if (iteration + 1) % s.report_every == 0 or iteration + 1 == phase.iterations:
                mean = torch.stack(losses).mean().item()
                if not np.isfinite(mean):
                    where = f"the {phase.kind} phase at {phase.resolution} px"
                    raise PipelineError(f"the loss is {mean} in {where}: lower train.<arm>.learning_rate")
                yield {
                    "iteration": iteration + 1,
                    "phase": phase.kind,
                    "resolution": phase.resolution,
                    "alpha": round(alpha, 6),
                    "loss": round(mean, 6),
                }
                losses.clear()

    def _loss(self, x: Tensor, phase: Phase, alpha: float) -> Tensor:
        low = self.losses[phase.resolution // 2] if phase.kind == "transition" else None
        return growing_loss(self.losses[phase.resolution], low, x, self.network(x, alpha), alpha)

    def _held_out_loss(self, held_out: np.ndarray, phase: Phase, alpha: float) -> float | None:
        if not len(held_out):
            return None
        with torch.no_grad():
            xs = (faded_input(at_resolution(x, phase.resolution), alpha) for x in self._views(held_out))
            return round(torch.cat([self._loss(x, phase, alpha) for x in xs]).cpu().double().mean().item(), 6)

    def _views(self, images: np.ndarray) -> Iterator[Tensor]:
        """Yield the central views in batches, float32 (n, C, R, R) in [−1, 1], on the device."""
        self._check(images)
        for start in range(0, len(images), SCORING_BATCH):
            pixels = torch.from_numpy(np.ascontiguousarray(images[start : start + SCORING_BATCH])).to(self.device)
            yield to_network(central_view(pixels, self.settings.resolution))

    def _check(self, images: np.ndarray) -> None:
        side, channels = self.settings.resolution, self.image_channels
        if images.ndim != 4 or images.shape[3] != channels or min(images.shape[1:3]) < side:
            raise PipelineError(
                f"images of shape {images.shape} do not fit the network: it takes (N, H, W, {channels}) with "
                f"sides of {side} or more"
            )


def _note(row: dict[str, Any]) -> str:
    return f"{row['phase']} {row['resolution']} px  α {row['alpha']:.2f}  loss {row['loss']:.4f}"
