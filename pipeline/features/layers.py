"""The layers at which backbones can be tapped, apart from the networks, which take seconds to import."""

# Backbone to layers, with the factor by which their map is smaller than the image.
# VGG: r<block><convolution> is the ReLU after that convolution (Simonyan & Zisserman 2015).
# EfficientNet-Lite0: expand<i> is the ReLU6 after the expansion convolution of block i.
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
    "efficientnet_lite0": {"expand1": 2, "expand2": 4, "expand3": 4, "expand4": 8, "expand5": 8},
}
