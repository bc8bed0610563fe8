"""The settings of the Mahalanobis distance."""

from typing import ClassVar

from pydantic import Field

from pipeline.detectors.on_features import Backbone, FeatureSettings, InputSize, Layers
from pipeline.detectors.settings import Words


class MahalanobisSettings(FeatureSettings):
    """Which features are compared; the defaults are those of MedIAnomaly (Cai et al. 2024)."""

    words: ClassVar[Words] = Words(
        name="Mahalanobis",
        plural="a Mahalanobis distance of features",
        meaning="**Mahalanobis** is the distance of an image's pooled features from the distribution of training ones",
        loss="squared Mahalanobis distance",
    )

    backbone: Backbone = "resnet18"
    layers: Layers = ("layer4",)
    input_size: InputSize = 224
    normalize: bool = Field(True, description="Whether features are divided by their length first.")


SETTINGS = MahalanobisSettings
