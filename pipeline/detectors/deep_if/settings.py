"""The settings of Deep IF."""

from typing import Annotated, ClassVar

from pydantic import Field

from pipeline.detectors.on_features import Backbone, FeatureSettings, InputSize, Layers
from pipeline.detectors.settings import Words
from pipeline.params.base import Positive


class DeepIfSettings(FeatureSettings):
    """What the trees see; the defaults are those of the paper's runs (Inception-ResNet-v2 at 299 px, 100 trees)."""

    words: ClassVar[Words] = Words(
        name="Deep IF",
        plural="an isolation forest on features",
        meaning="**Deep IF** is how few random cuts part an image's pooled features from those of training images",
        loss="mean score of the training images",
        paper="Deep IF",
    )

    backbone: Backbone = "inception_resnet_v2"
    layers: Layers = ("conv2d_7b",)
    input_size: InputSize = 299
    trees: Positive = Field(100, description="Trees of the forest.")
    samples: Annotated[int, Field(ge=2, le=10_000_000)] = Field(
        256, description="Training images that a tree is grown on, at most."
    )


SETTINGS = DeepIfSettings
