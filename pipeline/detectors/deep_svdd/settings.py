"""The settings of Deep SVDD."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from pipeline.detectors.settings import DetectorSettings, Words
from pipeline.params.base import Natural, Positive, Side, Weight, Width

Milestones = tuple[Positive, ...]


class DeepSvddSettings(DetectorSettings):
    """Network and training; the defaults are the authors' for CIFAR10 (Ruff et al. 2018, as released)."""

    words: ClassVar[Words] = Words(
        name="Deep SVDD",
        plural="Deep SVDD",
        meaning="**Deep SVDD** is the distance from a centre to which a network was trained to map normal images",
        loss="squared error per image, then squared distance",
        paper="Deep SVDD",
    )

    side: Side | None = Field(
        None, description="Side in pixels of the central square that is scored; null for the whole image, a square."
    )
    channels: Annotated[tuple[Width, ...], Field(min_length=1)] = Field(
        (32, 64, 128), description="Width of each convolution; a pooling that halves the image follows each."
    )
    latent_dim: Width = Field(
        128, description="Dimensions in which distances are measured: a multiple of the last map's number of pixels."
    )
    objective: Literal["one_class", "soft_boundary"] = Field(
        "one_class",
        description="`one_class` pulls all images to the centre, `soft_boundary` those that lie outside of a sphere.",
    )
    nu: float = Field(
        0.1, gt=0, le=1, description="Share of training images that may lie outside of the sphere of `soft_boundary`."
    )
    warm_up_epochs: Natural = Field(10, description="Epochs of `soft_boundary` before its radius is set.")
    pretraining_epochs: Positive = Field(350, description="Epochs of the autoencoder whose encoder the network is.")
    pretraining_milestones: Milestones = Field(
        (250,), description="Epochs of these after which the learning rate is divided by 10."
    )
    epochs: Positive = Field(150, description="Epochs of the objective.")
    milestones: Milestones = Field((50,), description="Epochs of these after which the learning rate is divided by 10.")
    batch_size: Annotated[Width, Field(ge=2)] = Field(200, description="Images per iteration, 2 or more.")
    learning_rate: float = Field(1e-4, gt=0, description="Of Adam, at the beginning of each of the two trainings.")
    weight_decay: Weight = Field(5e-7, description="Of Adam, on all weights.")
    report_every: Positive = Field(500, description="Iterations per row of the history.")

    @property
    def resolution(self) -> int | None:
        """See :attr:`DetectorSettings.resolution`."""
        return self.side

    def fault(self, side: int) -> str | None:
        """Say why a network of these widths does not take images of this side; None where it does."""
        smallest, rest = divmod(side, 2 ** len(self.channels))
        if rest:
            return f"channels has {len(self.channels)} widths, but {side} px cannot be halved so often"
        if self.latent_dim % smallest**2:
            return f"latent_dim {self.latent_dim} is not a multiple of the last map's {smallest}×{smallest} pixels"
        return None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.side and (fault := self.fault(self.side)):
            raise ValueError(fault)
        for name, epochs in (("pretraining_milestones", self.pretraining_epochs), ("milestones", self.epochs)):
            for milestone in getattr(self, name):
                if milestone >= epochs:
                    raise ValueError(f"{name} holds {milestone}, which is not within the {epochs} epochs")
        if self.objective == "soft_boundary" and self.warm_up_epochs >= self.epochs:
            raise ValueError(f"warm_up_epochs is {self.warm_up_epochs}, which is not within the {self.epochs} epochs")
        return self


SETTINGS = DeepSvddSettings
