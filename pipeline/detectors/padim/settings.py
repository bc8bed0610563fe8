"""The settings of PaDiM."""

from typing import Annotated, ClassVar

from pydantic import Field

from pipeline.detectors.on_features import Backbone, FeatureSettings, InputSize, Layers
from pipeline.detectors.settings import Words
from pipeline.params.base import Weight, Width


class PadimSettings(FeatureSettings):
    """What is learnt of each position; the defaults are PaDiM's with its smaller network (Defard et al. 2020)."""

    words: ClassVar[Words] = Words(
        name="PaDiM",
        plural="distributions of patches",
        meaning="**PaDiM** is the largest distance of an image's patches from the distribution of training patches at "
        "the same place",
        loss="mean squared Mahalanobis distance",
    )

    backbone: Backbone = "resnet18"
    layers: Layers = ("layer1", "layer2", "layer3")
    input_size: InputSize = 224
    channels: Width = Field(
        100, description="Channels drawn from all of the layers; each position needs the memory of their square."
    )
    epsilon: Annotated[float, Field(gt=0)] = Field(0.01, description="Added to the variances of every position.")
    smoothing: Weight = Field(
        4.0, description="Standard deviation in pixels of the network's input by which maps are blurred; 0 for none."
    )


SETTINGS = PadimSettings
