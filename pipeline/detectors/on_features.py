"""What the settings of detectors on frozen features share; light, since checking parameters imports it."""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from pipeline.detectors.settings import DetectorSettings
from pipeline.features.layers import check_layers
from pipeline.params.base import Name, Side

# With these a detector states its own defaults, as ``backbone: Backbone = "resnet18"``.
Backbone = Annotated[
    Name,
    Field(
        description="ImageNet network: `vgg16`, `vgg19`, `resnet18`, `resnet34`, `resnet50`, `resnet101`, "
        "`wide_resnet50_2`, `wide_resnet101_2`, `efficientnet_lite0` (needs no download), or any of timm by its name."
    ),
]
Layers = Annotated[
    tuple[str, ...],
    Field(
        min_length=1,
        description="Layers that are seen: r<block><convolution> of VGG, layer<stage> of a ResNet, expand<block> or "
        "head of EfficientNet-Lite0, any module of a network of timm.",
    ),
]
InputSize = Annotated[
    Side | None,
    Field(description="Side in pixels to which the scored square is resized before the network; null leaves it."),
]


class FeatureSettings(DetectorSettings):
    """What is seen of an image, and by which network."""

    files: ClassVar[tuple[str, ...]] = ("weights",)

    backbone: Backbone
    weights: str | None = Field(
        None, description="File with its state dictionary (`torch.save` or safetensors); null takes its own source."
    )
    layers: Layers
    input_size: InputSize
    side: Side | None = Field(
        None, description="Side in pixels of the central square that is scored; null for the whole image."
    )

    @property
    def resolution(self) -> int | None:
        """See :attr:`DetectorSettings.resolution`."""
        return self.side

    @property
    def seen(self) -> dict[str, Any]:
        """What :class:`pipeline.features.frozen.FrozenFeatures` takes beside a place."""
        return {name: getattr(self, name) for name in ("backbone", "weights", "layers", "input_size", "side")}

    @model_validator(mode="after")
    def _has_the_layers(self) -> Self:
        check_layers(self.backbone, self.layers, self.input_size or self.side)
        return self
