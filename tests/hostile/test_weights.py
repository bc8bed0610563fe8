"""Files of tensors: models, weights of a backbone, published and measured statistics."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.data.images import Images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.dpa.statistics import published_statistics
from pipeline.evaluation.scores import score_table
from pipeline.features.backbones import Backbone, load_backbone
from tests.detectors.conftest import with_loss
from tests.hostile.oracle import Either, Gives, Line, judge, lines
from tests.hostile.pickles import NO_TENSORS, saved_by_torch
from tests.hostile.pictures import flipped

Content = dict[str, Any]


@pytest.fixture(scope="module")
def pixels_only(tiny_train: DpaSettings) -> DpaSettings:
    """Settings without a perceptual loss, whose network takes long to read."""
    return with_loss(tiny_train, perceptual=0.0, l1=1.0)


@pytest.fixture(scope="module")
def model(pixels_only: DpaSettings, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "model.pt"
    detector = DeepPerceptualAutoencoder(pixels_only, 1, None, {"made": "in a test"})
    detector.equip(None, {})
    detector.save(path)
    return path.read_bytes()


def content_of(whole: bytes) -> Content:
    return dict(torch.load(io.BytesIO(whole), weights_only=True))


def changed(change: Callable[[Content], Any]) -> Callable[[bytes], bytes]:
    """A model with another content."""

    def make(whole: bytes) -> bytes:
        content = content_of(whole)
        change(content)
        return saved_by_torch(content)

    return make


def settings_with(**values: Any) -> Callable[[Content], None]:
    return lambda content: content.update(settings=json.dumps(json.loads(content["settings"]) | values))


def first_weight(value: float) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        next(iter(content["network"].values())).fill_(value)

    return change


MODEL = r"model\.pt.*train"


@lines(
    Line("good", lambda whole: whole, Gives(16)),
    *(Line(name, lambda whole, content=content: content, MODEL) for name, content in NO_TENSORS.items()),
    Line("cut_in_half", lambda whole: whole[: len(whole) // 2], MODEL),
    Line("last_bytes_missing", lambda whole: whole[:-30], MODEL),
    Line("without_settings", changed(lambda content: content.pop("settings")), MODEL),
    Line("without_network", changed(lambda content: content.pop("network")), MODEL),
    Line("without_statistics", changed(lambda content: content.pop("statistics")), MODEL),
    Line("settings_as_number", changed(lambda content: content.update(settings=3)), MODEL),
    Line("settings_no_json", changed(lambda content: content.update(settings="{")), MODEL),
    Line("settings_of_20_000_levels", changed(lambda content: content.update(settings="[" * 20_000)), MODEL),
    Line("settings_of_another_version", changed(settings_with(dropout=0.5)), MODEL),
    Line("other_channels", changed(settings_with(channels=[4, 4, 4])), MODEL),
    Line("channels_of_a_petabyte", changed(settings_with(channels=[2**40] * 3)), MODEL),
    Line("image_channels_as_text", changed(lambda content: content.update(image_channels="one")), MODEL),
    Line("image_channels_below_zero", changed(lambda content: content.update(image_channels=-1)), MODEL),
    Line("network_as_list", changed(lambda content: content.update(network=[1, 2])), MODEL),
    Line("network_of_texts", changed(lambda content: content.update(network=dict.fromkeys(content["network"], "x"))),
         MODEL),
    Line("weight_missing", changed(lambda content: content["network"].popitem()), MODEL),
    Line("weight_too_many", changed(lambda content: content["network"].update(more=torch.zeros(3))), MODEL),
    Line("statistics_as_list", changed(lambda content: content.update(statistics=[1])), MODEL),
    Line("statistics_of_texts", changed(lambda content: content.update(statistics={16: {"expand1": "x"}})), MODEL),
    Line("preparation_as_number", changed(lambda content: content.update(preparation=3)), MODEL),
    Line("weights_no_number", changed(first_weight(float("nan"))), "train"),
    Line("weights_infinite", changed(first_weight(float("inf"))), "train"),
    *(Line(f"bit_flip_at_{share:.0%}", lambda whole, share=share: flipped(whole, int(share * len(whole)), 1),
           Either("train")) for share in (0, 0.001, 0.3, 0.6, 0.95, 0.99)),
)  # fmt: skip
def test_a_model(line: Line, model: bytes, tiny_images: Images) -> None:
    Path("model.pt").write_bytes(line.made(model))

    def score() -> int:
        detector = DeepPerceptualAutoencoder.load(Path("model.pt"))
        return len(score_table(tiny_images, "run", {"score": detector.score, **detector.references(0)}))

    judge(score, line.says)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("efficientnet_lite0", None)


@pytest.fixture(scope="module")
def lite(backbone: Backbone) -> Content:
    return {name.removeprefix("network."): value for name, value in backbone.state_dict().items()}


WEIGHTS = r"weights\.pth.*(the detector's `weights`|state_dict|get |export)"


def weights_with(change: Callable[[Content], Any]) -> Callable[[Content], bytes]:
    def make(state: Content) -> bytes:
        state = {name: value.clone() for name, value in state.items()}
        change(state)
        return saved_by_torch(state)

    return make


@lines(
    Line("good", saved_by_torch, Gives()),
    *(Line(name, lambda state, content=content: content, WEIGHTS) for name, content in NO_TENSORS.items()),
    Line("cut_in_half", lambda state: saved_by_torch(state)[:10_000_000], WEIGHTS),
    Line("weight_missing", weights_with(lambda state: state.popitem()), WEIGHTS),
    Line("weight_too_many", weights_with(lambda state: state.update(more=torch.zeros(3))), WEIGHTS),
    Line("weight_of_another_shape", weights_with(lambda state: state.update(_fc=torch.zeros(3))), WEIGHTS),
    Line("no_number", weights_with(lambda state: state["_conv_stem.weight"].fill_(float("nan"))), WEIGHTS),
    Line("infinite", weights_with(lambda state: state["_conv_stem.weight"].fill_(float("inf"))), WEIGHTS),
    Line("whole_numbers_too_large", weights_with(
        lambda state: state.update({"_conv_stem.weight": torch.full_like(state["_conv_stem.weight"], 1e300,
                                                                         dtype=torch.float64)})), WEIGHTS),
)  # fmt: skip
def test_weights_of_a_backbone(line: Line, lite: Content) -> None:
    Path("weights.pth").write_bytes(line.made(lite))
    judge(lambda: load_backbone("efficientnet_lite0", "weights.pth") and None, line.says)


@pytest.mark.parametrize("made", ["missing", "folder"])
def test_weights_that_are_no_file(made: str) -> None:
    if made == "folder":
        Path("weights.pth").mkdir()
    judge(lambda: load_backbone("efficientnet_lite0", "weights.pth"), r"weights\.pth")


PUBLISHED = r"published\.pt.*(statistics|needs)"


@lines(
    Line("good", saved_by_torch({"expand1": (torch.zeros(96), torch.ones(96))}), Gives()),
    *(Line(name, content, r"published\.pt") for name, content in NO_TENSORS.items()),
    Line("other_layer", saved_by_torch({"r12": (torch.zeros(96), torch.ones(96))}), r"published\.pt.*expand1"),
    Line("too_few", saved_by_torch({"expand1": (torch.zeros(9), torch.ones(9))}), rf"{PUBLISHED}.*96"),
    Line("three_of_them", saved_by_torch({"expand1": (torch.zeros(96),) * 3}), PUBLISHED),
    Line("deviation_zero", saved_by_torch({"expand1": (torch.zeros(96), torch.zeros(96))}), PUBLISHED),
    Line("deviation_below_zero", saved_by_torch({"expand1": (torch.zeros(96), -torch.ones(96))}), PUBLISHED),
    Line("mean_no_number", saved_by_torch({"expand1": (torch.full((96,), torch.nan), torch.ones(96))}), PUBLISHED),
    Line("numbers_for_tensors", saved_by_torch({"expand1": (0.0, 1.0)}), PUBLISHED),
)
def test_published_statistics(line: Line, tiny_train: DpaSettings, backbone: Backbone) -> None:
    Path("published.pt").write_bytes(line.made)
    judge(lambda: published_statistics(Path("published.pt"), tiny_train, backbone) and None, line.says)
