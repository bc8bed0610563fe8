"""The section ``train``: network, loss and schedule of the deep perceptual autoencoder."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.params.base import Natural, Positive, Settings, Side, Weight, Width

# The layers at which a backbone can be tapped, with the factor by which their map is smaller than the image.
# VGG: r<block><convolution> is the ReLU after that convolution (Simonyan & Zisserman 2015).
# EfficientNet-Lite0: expand<i> is the ReLU6 after the expansion convolution of block i.
BACKBONE_LAYERS: dict[str, dict[str, int]] = {
    "vgg16": {
        f"r{block}{conv}": 2 ** (block - 1)
        for block, convs in enumerate((2, 2, 3, 3, 3), 1)
        for conv in range(1, convs + 1)
    },
    "vgg19": {
        f"r{block}{conv}": 2 ** (block - 1)
        for block, convs in enumerate((2, 2, 4, 4, 4), 1)
        for conv in range(1, convs + 1)
    },
    "efficientnet_lite0": {"expand1": 2, "expand2": 4, "expand3": 4, "expand4": 8, "expand5": 8},
}


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


class Train(Settings):
    """The deep perceptual autoencoder of one arm: network, loss and schedule."""

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
