import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from pipeline.errors import PipelineError
from pipeline.features import backbones
from pipeline.features.backbones import Backbone, ResNet, Vgg, load_backbone
from pipeline.features.layers import BACKBONE_LAYERS, RESNETS


@pytest.fixture(scope="module")
def lite0() -> Backbone:
    return load_backbone("efficientnet_lite0", None)


@pytest.mark.parametrize("layer", BACKBONE_LAYERS["efficientnet_lite0"])
def test_lite0_features_are_rectified_and_of_the_named_size(layer: str, lite0: Backbone) -> None:
    (features,) = lite0(torch.rand(2, 1, 32, 32), [layer])
    assert features.shape[-1] == 32 // BACKBONE_LAYERS["efficientnet_lite0"][layer]
    assert features.min() >= 0
    assert features.max() > 0


@pytest.mark.parametrize(
    ("name", "layer", "conv", "side"), [("vgg19", "r12", 2, 32), ("vgg19", "r42", 10, 4), ("vgg16", "r43", 10, 4)]
)
def test_a_vgg_layer_is_the_relu_after_that_convolution(name: str, layer: str, conv: int, side: int) -> None:
    vgg = Vgg(name)
    ran = vgg.convolutions[: vgg.depth[layer]]
    assert isinstance(ran[-1], torch.nn.ReLU)
    assert sum(isinstance(module, torch.nn.Conv2d) for module in ran) == conv
    assert vgg.features(torch.zeros(1, 3, 32, 32), [layer])[0].shape[-1] == side


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_the_layers_that_settings_may_name_are_those_of_the_network(name: str) -> None:
    assert set(Vgg(name).depth) == set(BACKBONE_LAYERS[name])


@pytest.mark.parametrize(
    ("name", "layers"), [("vgg16", ["r32", "r12"]), ("efficientnet_lite0", ["expand3", "expand1"])]
)
def test_several_layers_are_tapped_on_one_way_in_the_order_asked_for(name: str, layers: list[str]) -> None:
    torch.manual_seed(0)
    network = Vgg(name) if name == "vgg16" else load_backbone(name, None)
    images = torch.rand(2, 1, 16, 16)
    for layer, features in zip(layers, network(images, layers), strict=True):
        assert torch.equal(features, network(images, [layer])[0])


def basic_stage(blocks: int, inward: int, width: int) -> int:
    """Weights of a stage of basic blocks: two 3×3 convolutions and batch norms each, a 1×1 shortcut where it widens."""
    first = 9 * inward * width + 9 * width**2 + 4 * width
    shortcut = inward * width + 2 * width if inward != width else 0
    return first + shortcut + (blocks - 1) * (18 * width**2 + 4 * width)


def bottleneck_stage(blocks: int, inward: int, middle: int, width: int) -> int:
    """Weights of a stage of bottlenecks: 1×1 to the middle, 3×3, 1×1 to the width; the first has a 1×1 shortcut."""
    first = inward * middle + 9 * middle**2 + middle * width + 2 * (2 * middle + width) + inward * width + 2 * width
    return first + (blocks - 1) * (width * middle + 9 * middle**2 + middle * width + 2 * (2 * middle + width))


STEM = 7 * 7 * 3 * 64 + 2 * 64
STAGES = {"resnet34": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3), "wide_resnet101_2": (3, 4, 23, 3)}


@pytest.mark.parametrize("name", RESNETS)
def test_residual_networks_are_those_of_their_papers(name: str) -> None:
    blocks = STAGES.get(name, (2, 2, 2, 2) if name == "resnet18" else (3, 4, 6, 3))
    widths = [64, 128, 256, 512]
    if name in {"resnet18", "resnet34"}:
        inward = [64, 64, 128, 256]
        stages = [basic_stage(*sizes) for sizes in zip(blocks, inward, widths, strict=True)]
    else:
        middle = [width * 2 if name.startswith("wide") else width for width in widths]
        widths = [4 * width for width in widths]
        inward = [64, *widths[:3]]
        stages = [bottleneck_stage(*sizes) for sizes in zip(blocks, inward, middle, widths, strict=True)]
    with torch.device("meta"):  # shapes alone
        network = ResNet(name).eval()
    assert sum(weight.numel() for weight in network.parameters()) == STEM + sum(stages)
    layers = list(BACKBONE_LAYERS[name])
    shapes = [tuple(answer.shape) for answer in network.features(torch.empty(2, 3, 64, 64, device="meta"), layers)]
    assert shapes == [
        (2, width, 64 // factor, 64 // factor)
        for width, factor in zip(widths, BACKBONE_LAYERS[name].values(), strict=True)
    ]


def test_a_residual_network_is_tapped_in_the_order_asked_for_no_deeper_than_needed() -> None:
    torch.manual_seed(0)
    network = ResNet("resnet18").eval()
    network.network.layer4 = None  # would fail if it were called
    images = torch.rand(1, 3, 32, 32)
    third, first = network.features(images, ["layer3", "layer1"])
    assert torch.equal(first, network.features(images, ["layer1"])[0])
    assert torch.equal(third, network.network.layer3(network.network.layer2(first)))
    assert first.min() >= 0


def test_a_residual_networks_weights_come_with_or_without_the_classifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    whole = ResNet("resnet18").network.state_dict() | {
        "fc.weight": torch.zeros(1000, 512),
        "fc.bias": torch.zeros(1000),
    }
    torch.save(whole, tmp_path / "resnet18.pth")
    loaded = load_backbone("resnet18", str(tmp_path / "resnet18.pth"))
    assert isinstance(loaded, ResNet)
    assert torch.equal(loaded.network.conv1.weight, whole["conv1.weight"])
    with pytest.raises(PipelineError, match=r"resnet18\.pth does not hold the weights of resnet34: get the published"):
        load_backbone("resnet34", str(tmp_path / "resnet18.pth"))


def test_vgg_computes_in_the_precision_of_its_weights_and_lite0_in_float32() -> None:
    images = torch.rand(1, 1, 16, 16)
    for network, expected in (
        (Vgg("vgg16"), torch.bfloat16),
        (load_backbone("efficientnet_lite0", None), torch.float32),
    ):
        layer = "r12" if isinstance(network, Vgg) else "expand1"
        assert network.in_precision(torch.bfloat16)(images, [layer])[0].dtype == expected
        assert network(images, [layer])[0].dtype == torch.float32


def test_images_are_mapped_to_imagenet_statistics() -> None:
    class Identity(backbones.Backbone):
        def __init__(self) -> None:
            super().__init__()
            self.register_parameter("any", torch.nn.Parameter(torch.zeros(1)))

        def features(self, images: torch.Tensor, layers: Sequence[str]) -> list[torch.Tensor]:
            return [images]

        def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
            pass

    white = Identity()(torch.ones(1, 1, 2, 2), ["any"])[0][0, :, 0, 0]
    torch.testing.assert_close(white, torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]))


def test_weights_come_from_a_file_with_or_without_the_classifier(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = Vgg("vgg16").convolutions.state_dict()
    whole = {f"features.{k}": v.half() for k, v in source.items()} | {"classifier.0.weight": torch.zeros(1)}
    torch.save(whole, tmp_path / "vgg16.pth")
    loaded = load_backbone("vgg16", str(tmp_path / "vgg16.pth"))
    assert isinstance(loaded, Vgg)
    torch.testing.assert_close(loaded.convolutions[0].weight, source["0.weight"].half().float())
    assert not any(p.requires_grad for p in loaded.parameters())


def test_weights_that_cannot_be_had_are_an_error_never_random(tmp_path: Path) -> None:
    convolutions = Vgg("vgg16").convolutions
    torch.save(convolutions.state_dict(), tmp_path / "vgg16.pth")
    (tmp_path / "junk.pth").write_bytes(b"not weights")
    torch.save({"0.weight": [1, 2]}, tmp_path / "list.pth")
    torch.save(convolutions[0].weight, tmp_path / "bare.pth")
    torch.save({1: torch.zeros(1)}, tmp_path / "number.pth")
    torch.save({"0.weight": tmp_path}, tmp_path / "pickle.pth")
    for name, value in (("nan", torch.nan), ("inf", torch.inf)):
        broken = convolutions.state_dict()
        broken["2.bias"][3] = value
        torch.save(broken, tmp_path / f"{name}.pth")
    for name, file, message in (
        ("vgg19", "vgg16.pth", "does not hold the weights of vgg19"),
        ("vgg16", "junk.pth", "cannot be read as weights, it is damaged, or holds more than tensors, numbers and"),
        ("vgg16", "pickle.pth", "cannot be read as weights, it is damaged, or holds more than tensors, numbers and"),
        ("vgg16", "bare.pth", "does not hold a state dictionary"),
        ("vgg16", "number.pth", "does not hold the weights of vgg16"),
        ("vgg16", "nan.pth", r"nan\.pth is damaged, convolutions\.2\.bias holds numbers that are not finite: get the"),
        ("vgg16", "inf.pth", r"inf\.pth is damaged, convolutions\.2\.bias holds numbers that are not finite: get the"),
        ("vgg16", "list.pth", "does not hold a state dictionary"),
        ("vgg16", "none.pth", "is missing"),
    ):
        with pytest.raises(PipelineError, match=message):
            load_backbone(name, str(tmp_path / file))


def test_a_failed_download_says_where_weights_can_be_put(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(PipelineError, match=r"name the file in the detector's `weights`"):
        load_backbone("vgg19", None)


def test_real_vgg16_weights_answer_to_edges() -> None:
    folder = Path(os.environ.get("PIPELINE_REAL_DATA", "")).parent / "weights"
    file = folder / "vgg16_imagenet_features_fp16.pth"
    if not file.is_file():
        pytest.skip("PIPELINE_REAL_DATA does not name real data with weights beside it")
    backbone = load_backbone("vgg16", str(file))
    flat, edge = torch.zeros(1, 1, 32, 32), torch.ones(1, 1, 32, 32)
    edge[..., 16:] = -1
    assert backbone(edge, ["r22"])[0].std() > 1.5 * backbone(flat, ["r22"])[0].std()
