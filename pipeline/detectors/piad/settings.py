"""The settings of PIAD; the defaults are those that its authors run on 64 px images."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.features.layers import check_layers
from pipeline.params.base import Positive, Side, Width

LAST_MAP = 4  # side in pixels at which encoder and critic end, and the decoder starts

Rate = Annotated[float, Field(gt=0)]
Channels = Annotated[tuple[Width, ...], Field(min_length=1)]


def key(name: str) -> str:
    """Where a setting stands, as errors name it."""
    return f"detectors.piad.{name}"


class PiadSettings(DetectorSettings):
    """Networks, perceptual loss and training (Tuluptceva et al. 2019; default settings of Shvetsova et al. 2021)."""

    words: ClassVar[Words] = Words(
        name="PIAD",
        plural="PIAD",
        meaning="**PIAD** (perceptual image anomaly detection) is an autoencoder whose latents and decoded images two "
        "critics judge, scored by the same perceptual loss",
        loss="relative perceptual L1",
        paper="PIAD",
    )
    files: ClassVar[tuple[str, ...]] = ("weights", "statistics")

    side: Side = Field(64, description="Side in pixels of the central square that is scored, a power of two.")
    backbone: Literal["vgg16", "vgg19", "efficientnet_lite0"] = Field(
        "vgg19",
        description="Perceptual network: `vgg19` is the paper's; `efficientnet_lite0` needs no download.",
    )
    weights: str | None = Field(None, description="File with its state dictionary; null takes its own source.")
    layers: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        ("r42",), description="Tapped layers of the backbone, of several of which the mean loss is taken."
    )
    statistics: str | None = Field(
        None,
        description="File with μ and σ of the layers (`torch.save` of layer to (μ, σ), as the authors publish theirs); "
        "null to measure them.",
    )
    statistics_images: Positive = Field(2048, description="Training normals that they are measured on, at most.")
    channels: Channels = Field(
        (32, 64, 128, 256, 256),
        description="Channels of the encoder per resolution, from the image down to 4 px; the decoder mirrors them.",
    )
    critic_channels: Channels = Field((32, 64, 128, 128, 128), description="The same of the critic of images.")
    latent_dim: Width = Field(256, description="Channels of the latent, which is 1×1.")
    latent_critic_channels: Channels = Field((1024, 1024), description="Hidden layers of the critic of latents.")
    learning_rate: Rate = Field(0.0002, description="Of the encoder's and the decoder's Adam.")
    critic_learning_rate: Rate = Field(0.0005, description="Of the critics' Adam.")
    batch_size: Width = Field(32, description="Images per batch; an iteration takes three batches.")
    iterations: Positive = Field(
        100_000, description="Steps of encoder and decoder, before each of which the critics take two."
    )
    weigh_every: Positive = Field(
        100,
        description="Iterations between two looks at the sizes of gradients, which weigh the reconstruction loss; its "
        "weight is 1 before the first.",
    )
    report_every: Positive = Field(1000, description="Iterations per row of the history.")

    @property
    def resolution(self) -> int:
        """See :attr:`DetectorSettings.resolution`."""
        return self.side

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.side < LAST_MAP or self.side & (self.side - 1):
            raise ValueError(f"side {self.side} is not a power of two from {LAST_MAP} up")
        needed = (self.side // LAST_MAP).bit_length()
        for name in ("channels", "critic_channels"):
            if (count := len(getattr(self, name))) != needed:
                raise ValueError(
                    f"{name} has {count} numbers, but {self.side} px down to {LAST_MAP} px are {needed} resolutions"
                )
        check_layers(self.backbone, self.layers, self.side)
        return self


SETTINGS = PiadSettings
