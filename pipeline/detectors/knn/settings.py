"""The settings of the nearest neighbours."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.detectors.on_features import Backbone, FeatureSettings, InputSize, Layers
from pipeline.detectors.settings import Words
from pipeline.params.base import Positive


class KnnSettings(FeatureSettings):
    """Which neighbours count; the defaults are those of DN2 (Bergman et al. 2020), with a smaller network."""

    words: ClassVar[Words] = Words(
        name="kNN",
        plural="nearest neighbours",
        meaning="**kNN** is the mean distance of an image's pooled features to the nearest ones of training images",
        loss="mean distance to the nearest neighbours",
    )

    backbone: Backbone = "resnet18"
    layers: Layers = ("layer4",)
    input_size: InputSize = 224
    k: Positive = Field(2, description="Nearest training normals whose mean distance is the score.")
    distance: Literal["euclidean", "cosine"] = Field(
        "euclidean", description="`euclidean`, or `cosine`: Euclidean distance of features of length 1."
    )


SETTINGS = KnnSettings
