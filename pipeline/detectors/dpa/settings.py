"""The settings of the deep perceptual autoencoder: network, loss and schedule."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.detectors.settings import DetectorSettings, Reference, Words
from pipeline.features.layers import check_layers
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
    paper="DPA",
)


def key(name: str) -> str:
    """Where a setting stands, as errors name it."""
    return f"detectors.dpa.{name}"


class GrowthStep(Settings):
    """One resolution of progressive growth: how long it is faded in and then trained, and with which layers."""

    layers: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        description="Tapped layers of the backbone, of several of which the mean loss is taken: `r12` … `r54` for VGG "
        "(the ReLU after a block's convolution), `expand1` … `expand5` for EfficientNet-Lite0."
    )
    transition: Natural = Field(description="Iterations in which the resolution is faded in; 0 for the lowest.")
    stable: Natural = Field(description="Iterations after that.")
    batch_size: Width = Field(description="Images per iteration.")


class LossWeights(Settings):
    """What training minimises: the weighted sum of perceptual loss, L1 and the critic's opinion."""

    perceptual: Weight = Field(description="Weight of the relative perceptual L1 loss, equation 1.")
    l1: Weight = Field(description="Weight of the pixels' L1 loss.")
    adversarial: Weight = Field(
        description="Weight of the critic's opinion, in training only: the score is the sum of the other two."
    )

    @model_validator(mode="after")
    def _reconstructs(self) -> Self:
        if not self.perceptual + self.l1:
            raise ValueError("perceptual or l1 must be above 0: the score is what they make of an image")
        return self


class EarlyStopping(Settings):
    """When the last stable phase ends before its iterations are done."""

    patience: Natural = Field(
        description="It ends after more than so many reports in a row without a held-out loss that is low enough; the "
        "best network is kept."
    )
    least_improvement: Weight = Field(description="How much lower than the best so far is low enough.")


class DpaSettings(DetectorSettings):
    """The deep perceptual autoencoder of one arm: network, loss and schedule."""

    words: ClassVar[Words] = WORDS
    files: ClassVar[tuple[str, ...]] = ("weights", "statistics")
    shares_training: ClassVar[bool] = True

    backbone: Literal["vgg16", "vgg19", "efficientnet_lite0"] = Field(
        description="Perceptual network: `vgg19` is the paper's; `efficientnet_lite0` needs no download."
    )
    weights: str | None = Field(description="File with its state dictionary; null takes its own source.")
    statistics: str | None = Field(
        description="File with μ and σ of equation 2 (`torch.save` of layer to (μ, σ), as the authors publish theirs); "
        "null to measure them."
    )
    statistics_images: Positive = Field(description="Training normals that they are measured on, at most.")
    depth: Literal[9, 18] = Field(description="18 or 9: two residual blocks per resolution or one.")
    channels: tuple[Width, ...] = Field(
        description="Channels of the encoder per resolution, from the largest image down; the decoder mirrors them."
    )
    latent_dim: Width = Field(description="Channels of the latent.")
    latent_size: Side = Field(description="Side of the latent in pixels, a power of two.")
    flips: bool = Field(description="Whether training views are flipped at random.")
    reference_downsampling: bool = Field(
        description="Whether images are shrunk as the released code does, which reads 4 of 64 pixels; otherwise areas "
        "are averaged."
    )
    loss: LossWeights = Field(description="What training minimises.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(description="Of Adam, which starts afresh in each phase.")
    precision: Literal["bfloat16", "float32"] = Field(
        description="`bfloat16` computes VGG's features in training in it where the device is fast in it, `float32` "
        "never does; the autoencoder and all scores are float32."
    )
    report_every: Positive = Field(description="Iterations per row of the history.")
    early_stopping: EarlyStopping | None = Field(
        description="When the last stable phase ends before its iterations are done; null for never."
    )
    grow: bool = Field(
        description="Whether resolutions grow; false trains the highest of the schedule only, from the start."
    )
    schedule: Annotated[dict[Side, GrowthStep], Field(min_length=1)] = Field(
        description="Resolution, the side in pixels, to what happens at it: powers of two, each twice the one before, "
        "from above the encoder's last map (4 or `latent_size`) on."
    )

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """See :meth:`DetectorSettings.read`; ``last`` in the schedule changes the step of the highest resolution.

        So an option of a search can say what holds for it, whichever resolution another option makes the last.
        """
        schedule = content.get("schedule")
        if isinstance(schedule, Mapping) and isinstance(last := schedule.get("last"), Mapping):
            steps = {side: step for side, step in schedule.items() if side != "last"}
            if sides := [side for side in steps if str(side).isdigit() and isinstance(steps[side], Mapping)]:
                highest = max(sides, key=int)
                steps[highest] = {**steps[highest], **last}
                content = {**content, "schedule": steps}
        return super().read(content)

    @property
    def base_resolution(self) -> int:
        """Side of the encoder's last feature map: 4 for a 1×1 latent, else the latent's own."""
        return 4 if self.latent_size == 1 else self.latent_size

    @property
    def resolution(self) -> int:
        """Side in pixels of the images at the end of training."""
        return max(self.schedule)

    @property
    def steps(self) -> dict[int, GrowthStep]:
        """What is trained, resolution to step: all of the schedule, or without growth the last one's stable phase."""
        if self.grow:
            return dict(sorted(self.schedule.items()))
        return {self.resolution: self.schedule[self.resolution].model_copy(update={"transition": 0})}

    def check_processes(self, count: int) -> None:
        """See :meth:`DetectorSettings.check_processes`."""
        if count == 1:
            return
        if self.loss.adversarial:
            raise ValueError("loss.adversarial needs compute.processes 1: its critic is not shared")
        for side, step in self.steps.items():
            if step.batch_size % count:
                raise ValueError(
                    f"schedule: the batch_size {step.batch_size} at {side} px is not divided by "
                    f"compute.processes, {count}: processes share each batch evenly"
                )

    def lasting(self, iterations: Sequence[int]) -> dict[str, Any]:
        """See :meth:`DetectorSettings.lasting`: the mean of the folds, as the paper's iterations are such means."""
        if self.early_stopping is None:
            return {}
        *earlier, last = self.steps.values()
        before = sum(step.transition + step.stable for step in earlier) + last.transition
        stable = max(1, round(sum(iterations) / len(iterations)) - before)
        return {"schedule": {"last": {"stable": stable}}, "grow": self.grow, "early_stopping": None}

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self._check_schedule()
        self._check_layers()
        if self.latent_size & (self.latent_size - 1):
            raise ValueError(f"latent_size {self.latent_size} is not a power of two")
        if self.latent_size == 2 and self.loss.adversarial:
            raise ValueError("loss.adversarial needs a latent_size other than 2: the critic ends at 4 px")
        if min(self.steps) <= self.base_resolution:
            raise ValueError(
                f"schedule: training starts at {min(self.steps)} px, which must be above the encoder's last "
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
        sides = sorted(self.schedule)
        for side in sides:
            if side < 4 or side & (side - 1):
                raise ValueError(f"schedule: the resolution {side} is not a power of two from 4 up")
        for low, high in pairwise(sides):
            if high != 2 * low:
                raise ValueError(f"schedule has {high} px after {low} px: growth doubles")
        if self.steps[min(self.steps)].transition:
            raise ValueError(f"schedule.{sides[0]}.transition must be 0: there is nothing to grow from")
        if not self.schedule[sides[-1]].stable:
            raise ValueError(f"schedule.{sides[-1]}.stable must be above 0")

    def _check_layers(self) -> None:
        for side, step in self.schedule.items():
            check_layers(self.backbone, step.layers, side, f"schedule.{side}.layers")


SETTINGS = DpaSettings
