"""With networks of timm so small that they stand for nothing; their weights are drawn and read from a file."""

from pathlib import Path

import pytest
import timm
import torch

from pipeline.errors import PipelineError
from pipeline.features.backbones import checksum, load_backbone
from pipeline.features.timm_networks import TimmNetwork


def file_of(name: str, folder: Path) -> str:
    """Weights of a network, drawn and written."""
    torch.manual_seed(0)
    path = folder / f"{name}.pth"
    torch.save(timm.create_model(name, pretrained=False).state_dict(), path)
    return str(path)


def test_a_layer_is_any_module_and_the_statistics_are_the_networks_own(tmp_path: Path) -> None:
    file = file_of("test_resnet", tmp_path)
    network = load_backbone("test_resnet", file)
    plain = timm.create_model("test_resnet", pretrained=False).eval()
    plain.load_state_dict(torch.load(file))
    images = torch.rand(2, 1, 64, 64) * 2 - 1
    with torch.no_grad():
        last, stem = network(images, ["layer4", "act1"])
        colour = images.expand(-1, 3, -1, -1)  # mean and standard deviation 0.5, so [−1, 1] is what it is trained on
        torch.testing.assert_close(last, plain.forward_features(colour), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(stem, plain.act1(plain.bn1(plain.conv1(colour))), rtol=1e-4, atol=1e-5)
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())


def test_an_answer_is_that_of_its_layer_though_the_next_one_changes_it_in_its_place(tmp_path: Path) -> None:
    network = load_backbone("test_resnet", file_of("test_resnet", tmp_path))
    normalised, rectified = network(torch.rand(1, 1, 64, 64), ["bn1", "act1"])
    assert normalised.min() < 0
    torch.testing.assert_close(normalised.relu(), rectified)


def test_tokens_become_a_map_without_those_of_no_place(tmp_path: Path) -> None:
    network = load_backbone("test_vit", file_of("test_vit", tmp_path))
    images = torch.zeros(1, 1, 32, 64)  # not the 160×160 px that it is trained on
    images[..., 16:32, 48:] = 1  # the last of 2×4 patches of 16 px
    before, after = (network(x, ["patch_embed", "blocks.0"]) for x in (torch.zeros_like(images), images))
    for plain, marked in zip(before, after, strict=True):
        assert plain.shape == (1, 64, 2, 4)
        difference = (marked - plain).abs().sum(1)[0]
        assert divmod(int(difference.argmax()), 4) == (1, 3)
    assert ((after[0] - before[0]).abs().sum(1)[0] > 1e-6).sum() == 1  # while blocks mix what stands at all places


def test_maps_whose_channels_come_last_are_turned() -> None:
    torch.manual_seed(0)
    swin = timm.create_model("swin_tiny_patch4_window7_224", pretrained=False, embed_dim=8, num_heads=(1, 1, 1, 1))
    assert swin.output_fmt == "NHWC"
    network = TimmNetwork("swin_tiny_patch4_window7_224", pretrained=False).eval()
    network.network = swin.eval()
    (answer,) = network(torch.zeros(1, 1, 224, 224), ["layers.1"])
    assert answer.shape == (1, 16, 28, 28)


def test_weights_are_those_of_the_file_alone(tmp_path: Path) -> None:
    file = file_of("test_resnet", tmp_path)
    torch.manual_seed(1)
    first = checksum(load_backbone("test_resnet", file))
    torch.manual_seed(2)
    assert checksum(load_backbone("test_resnet", file)) == first


def test_what_is_no_network_no_layer_or_no_size_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="'resnet_nobody_has' is no backbone: choose one of torchvision's"):
        load_backbone("resnet_nobody_has", None)
    network = load_backbone("test_vit", file_of("test_vit", tmp_path))
    for layer in ("blocks.99", ""):
        with pytest.raises(PipelineError, match=f"'{layer}' is no layer of test_vit: name one of its modules, such as"):
            network(torch.zeros(1, 3, 32, 32), [layer])
    with pytest.raises(PipelineError, match="test_vit makes no map at 'head': name another of its modules"):
        network(torch.zeros(1, 3, 32, 32), ["blocks.0", "head"])
    with pytest.raises(PipelineError, match=r"test_vit does not take images of 30 px: set `input_size` to a size"):
        network(torch.zeros(1, 3, 30, 30), ["blocks.0"])


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = file_of("test_resnet", tmp_path)
    with pytest.raises(
        PipelineError, match=r"test_resnet\.pth does not hold the weights of test_vit: get the published"
    ):
        load_backbone("test_vit", file)
    torch.save({}, tmp_path / "empty.pth")
    with pytest.raises(PipelineError, match=r"empty\.pth does not hold the weights of test_resnet"):
        load_backbone("test_resnet", str(tmp_path / "empty.pth"))


def test_weights_that_cannot_be_downloaded_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # as without internet, but for its retries
    with pytest.raises(
        PipelineError, match="the weights of test_resnet could not be downloaded by timm: get them on a"
    ):
        load_backbone("test_resnet", None)
    assert not capfd.readouterr().err
