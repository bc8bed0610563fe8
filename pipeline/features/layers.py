"""The layers at which backbones can be tapped, apart from the networks, which take seconds to import."""

from collections.abc import Sequence

RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "wide_resnet50_2", "wide_resnet101_2")

# EfficientNet-Lite0's blocks to the factor by which the input of the block is smaller than the image.
LITE0_FACTORS = {1: 2, 2: 4, 3: 4, 4: 8, 5: 8} | dict.fromkeys(range(6, 12), 16) | dict.fromkeys(range(12, 16), 32)

# Backbone to layers, with the factor by which their map is smaller than the image.
# VGG: r<block><convolution> is the ReLU after that convolution (Simonyan & Zisserman 2015).
# EfficientNet-Lite0: expand<i> is the ReLU6 after the expansion convolution of block i, head that of the last one.
# ResNet: layer<i> is the ReLU that ends stage i (He et al. 2016; Zagoruyko & Komodakis 2016).
BACKBONE_LAYERS: dict[str, dict[str, int]] = {
    "vgg16": {
        f"r{block}{conv}": 2 ** (block - 1)
        for block, convs in enumerate((2, 2, 3, 3, 3), 1)
        for conv in range(1, convs + 1)
    },
    "vgg19": {
        f"r{block}{conv}": 2 ** (block - 1)
        for block, convs in enumerate((2, 2, 4, 4, 4), 1)
        for conv in range(1, convs + 1)
    },
    "efficientnet_lite0": {f"expand{block}": factor for block, factor in LITE0_FACTORS.items()} | {"head": 32},
    **{name: {f"layer{stage}": 2 ** (stage + 1) for stage in range(1, 5)} for name in RESNETS},
}


def check_layers(backbone: str, layers: Sequence[str], side: int | None, key: str = "layers") -> None:
    """Check that a backbone can be tapped at layers; a network of timm is asked when it is built.

    Args:
        backbone: Its name.
        layers: Those of a setting.
        side: Of the images that it sees, in pixels; None if that is not known.
        key: Of the setting, for messages.

    Raises:
        ValueError: If it has no such layer, one stands twice, or its map would be less than a pixel.
    """
    if len(set(layers)) != len(layers):
        raise ValueError(f"{key} {', '.join(layers)} names a layer twice")
    known = BACKBONE_LAYERS.get(backbone)
    if known is None:
        return
    for layer in layers:
        if layer not in known:
            raise ValueError(f"{key}: {layer!r} is not a layer of {backbone}: {', '.join(known)}")
        if side and side < known[layer]:
            raise ValueError(
                f"{key}: {layer!r} is too deep for {side} px: its map is {known[layer]} times smaller than the image"
            )
