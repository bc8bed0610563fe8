"""The settings of the deep perceptual autoencoder: network, loss and schedule."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.detectors.settings import DetectorSettings, Reference, Words
from pipeline.features.layers import BACKBONE_LAYERS
from pipeline.params.base import Natural, Positive, Settings, Side, Weight, Width

WORDS = Words(
    name="deep perceptual autoencoder",
    plural="deep perceptual autoencoders",
    loss="relative perceptual L1",
    pictures="Inputs and reconstructions at the end of each phase of growth. A perceptual loss compares shapes and "
    "textures and does not tie brightness and colour, so reconstructions may have odd ones, most of all at low "
    "resolutions:",
    references={
        "untrained": Reference(
            "untrained network", "**untrained** is the same network with random weights under the same loss"
        ),
        "pixel_l1": Reference("pixel L1", "**pixel L1** compares the trained network's reconstructions pixel by pixel"),
    },
    in_paper=True,
)


def key(name: str) -> str:
    """Where a setting stands, as errors name it."""
    return f"train.<arm>.{name}"


class GrowthStep(Settings):
    """One resolution of progressive growth: how long it is faded in and then trained, and with which layers."""

    resolution: Side
    layers: Annotated[tuple[str, ...], Field(min_length=1)]
    transition: Natural
    stable: Natural
    batch_size: Width

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.resolution < 4 or self.resolution & (self.resolution - 1):
            raise ValueError(f"resolution {self.resolution} is not a power of two from 4 up")
        if len(set(self.layers)) != len(self.layers):
            raise ValueError(f"layers {', '.join(self.layers)} names a layer twice")
        return self


class LossWeights(Settings):
    """What training minimises: the weighted sum of perceptual loss, L1 and the critic's opinion."""

    perceptual: Weight
    l1: Weight
    adversarial: Weight

    @model_validator(mode="after")
    def _reconstructs(self) -> Self:
        if not self.perceptual + self.l1:
            raise ValueError("perceptual or l1 must be above 0: the score is what they make of an image")
        return self


class EarlyStopping(Settings):
    """When the last stable phase ends before its iterations are done."""

    patience: Natural
    least_improvement: Weight


class DpaSettings(DetectorSettings):
    """The deep perceptual autoencoder of one arm: network, loss and schedule."""

    words: ClassVar[Words] = WORDS
    files: ClassVar[tuple[str, ...]] = ("weights", "statistics")

    backbone: Literal["vgg16", "vgg19", "efficientnet_lite0"]
    weights: str | None
    statistics: str | None
    statistics_images: Positive
    depth: Literal[9, 18]
    channels: tuple[Width, ...]
    latent_dim: Width
    latent_size: Side
    flips: bool
    reference_downsampling: bool
    loss: LossWeights
    learning_rate: Annotated[float, Field(gt=0)]
    precision: Literal["bfloat16", "float32"]
    report_every: Positive
    early_stopping: EarlyStopping | None
    grow: bool
    schedule: Annotated[tuple[GrowthStep, ...], Field(min_length=1)]

    @property
    def base_resolution(self) -> int:
        """Side of the encoder's last feature map: 4 for a 1×1 latent, else the latent's own."""
        return 4 if self.latent_size == 1 else self.latent_size

    @property
    def resolution(self) -> int:
        """Side in pixels of the images at the end of training."""
        return self.schedule[-1].resolution

    @property
    def steps(self) -> tuple[GrowthStep, ...]:
        """The part of the schedule that is trained: all of it, or without growth its last entry's stable phase."""
        return self.schedule if self.grow else (self.schedule[-1].model_copy(update={"transition": 0}),)

    def check_processes(self, count: int) -> None:
        """See :meth:`DetectorSettings.check_processes`."""
        if count == 1:
            return
        if self.loss.adversarial:
            raise ValueError("loss.adversarial needs compute.processes 1: its critic is not shared")
        for step in self.steps:
            if step.batch_size % count:
                raise ValueError(
                    f"schedule: the batch_size {step.batch_size} at {step.resolution} px is not divided by "
                    f"compute.processes, {count}: processes share each batch evenly"
                )

    def lasting(self, iterations: Sequence[int]) -> dict[str, Any]:
        """See :meth:`DetectorSettings.lasting`: the mean of the folds, as the paper's iterations are such means."""
        if self.early_stopping is None:
            return {}
        before = sum(step.transition + step.stable for step in self.steps[:-1]) + self.steps[-1].transition
        stable = max(1, round(sum(iterations) / len(iterations)) - before)
        return {f"schedule.{len(self.schedule) - 1}.stable": stable, "grow": self.grow, "early_stopping": None}

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self._check_schedule()
        self._check_layers()
        if self.latent_size & (self.latent_size - 1):
            raise ValueError(f"latent_size {self.latent_size} is not a power of two")
        if self.latent_size == 2 and self.loss.adversarial:
            raise ValueError("loss.adversarial needs a latent_size other than 2: the critic ends at 4 px")
        if self.steps[0].resolution <= self.base_resolution:
            raise ValueError(
                f"training starts at {self.steps[0].resolution} px, which must be above the encoder's last "
                f"map of {self.base_resolution} px (latent_size {self.latent_size})"
            )
        needed = (self.resolution // self.base_resolution).bit_length()
        if len(self.channels) != needed:
            raise ValueError(
                f"channels has {len(self.channels)} numbers, but {self.resolution} px down to "
                f"{self.base_resolution} px are {needed} resolutions"
            )
        return self

    def _check_schedule(self) -> None:
        if self.steps[0].transition:
            raise ValueError("schedule.0.transition must be 0: there is nothing to grow from")
        if not self.schedule[-1].stable:
            raise ValueError(f"schedule.{len(self.schedule) - 1}.stable must be above 0")
        for i, (low, high) in enumerate(zip(self.schedule, self.schedule[1:], strict=False), 1):
            if high.resolution != 2 * low.resolution:
                raise ValueError(
                    f"schedule.{i}.resolution is {high.resolution}, expected {2 * low.resolution}: growth doubles"
                )

    def _check_layers(self) -> None:
        known = BACKBONE_LAYERS[self.backbone]
        for i, step in enumerate(self.schedule):
            for layer in step.layers:
                if layer not in known:
                    raise ValueError(
                        f"schedule.{i}.layers: {layer!r} is not a layer of {self.backbone}: {', '.join(known)}"
                    )
                if step.resolution < known[layer]:
                    raise ValueError(
                        f"schedule.{i}.layers: {layer!r} is too deep for {step.resolution} px: its map is "
                        f"{known[layer]} times smaller than the image"
                    )
