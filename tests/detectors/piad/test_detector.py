from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pipeline.compute.device import Workplace
from pipeline.compute.saved_state import SavedState
from pipeline.data.images import Images
from pipeline.detectors.base import History
from pipeline.detectors.piad.detector import Piad
from pipeline.detectors.piad.learner import PiadLearner
from pipeline.detectors.piad.settings import PiadSettings
from pipeline.errors import PipelineError
from pipeline.features.backbones import EfficientNetLite0, load_backbone
from pipeline.features.views import to_network, to_pixels

pytestmark = pytest.mark.usefixtures("networks_read_once")


def build(settings: PiadSettings, channels: int = 1) -> Piad:
    return Piad(settings, channels, Workplace(), {"made": "in a test"})


def fit(detector: Piad, images: Images, seed: int = 0, scratch: Path | None = None) -> History:
    return detector.fit(images.pixels, images.rows("train"), images.rows("val"), seed, scratch)


@pytest.fixture(scope="module")
def long(tiny: PiadSettings) -> PiadSettings:
    """Its critics learn fast: what they say at first of images far from all others leads the decoder astray."""
    rates = {"learning_rate": 0.001, "critic_learning_rate": 0.005}
    return tiny.model_copy(update=rates | {"iterations": 50, "weigh_every": 5, "report_every": 10})


@pytest.fixture
def fitted(tiny: PiadSettings, tiny_images: Images) -> Piad:
    detector = build(tiny)
    fit(detector, tiny_images)
    return detector


def test_images_unlike_the_training_ones_score_higher(long: PiadSettings, tiny_images: Images) -> None:
    detector, test = build(long), tiny_images.rows("test")
    history = fit(detector, tiny_images)
    assert history.rows["loss"].iloc[-1] < 0.7 * history.rows["loss"].iloc[0]
    scores = detector.score(tiny_images.pixels[test])
    assert scores.dtype == np.float64
    assert roc_auc_score(tiny_images.index["label"].to_numpy()[test], scores) > 0.9


def test_images_like_the_training_ones_are_not_told_apart(tiny: PiadSettings) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (408, 16, 16, 1), np.uint8)
    detector = build(tiny)
    detector.fit(pixels, np.arange(8), np.arange(0), seed=0)
    area = roc_auc_score(np.repeat([0, 1], 200), detector.score(pixels[8:]))
    assert abs(area - 0.5) < 3 * np.sqrt(401 / (12 * 200 * 200))


def test_the_history_has_the_loss_of_held_out_images_where_there_are_such(
    tiny: PiadSettings, tiny_images: Images
) -> None:
    detector, held_out = build(tiny), tiny_images.rows("val")
    history = fit(detector, tiny_images)
    assert history.iterations == 4
    assert history.rows["iteration"].tolist() == [2, 4]
    found = detector.score(tiny_images.pixels[held_out]).mean()
    assert history.rows["held_out_loss"].iloc[-1] == pytest.approx(found, abs=1e-5)
    alone = detector.fit(tiny_images.pixels, tiny_images.rows("train"), np.arange(0), seed=0)
    assert alone.rows.columns.tolist() == ["iteration", "loss"]


def test_the_score_is_the_loss_of_training(fitted: Piad, tiny_images: Images) -> None:
    x = torch.from_numpy(tiny_images.pixels).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        y = fitted.autoencoder(x)
        mean, std = (getattr(fitted.statistics["expand1"], name).view(-1, 1, 1) for name in ("mean", "std"))
        of_x, of_y = ((fitted.backbone(images, ["expand1"])[0] - mean) / std for images in (x, y))
    expected = (of_x - of_y).abs().sum((1, 2, 3)) / of_x.abs().sum((1, 2, 3))
    np.testing.assert_allclose(fitted.score(tiny_images.pixels), expected, rtol=1e-4)


def test_anomaly_maps_average_to_the_score(fitted: Piad, tiny_images: Images) -> None:
    maps = fitted.anomaly_maps(tiny_images.pixels)
    assert maps.shape == (24, 16, 16)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps.mean((1, 2)), fitted.score(tiny_images.pixels), rtol=0.02)  # but for enlargement


def test_reconstructions_are_pictures_of_the_square(fitted: Piad, tiny_images: Images) -> None:
    with torch.no_grad():
        expected = fitted.autoencoder(to_network(torch.from_numpy(tiny_images.pixels)))
    np.testing.assert_array_equal(fitted.reconstructions(tiny_images.pixels), to_pixels(expected))


def test_an_images_score_depends_neither_on_others_nor_on_what_surrounds_the_square(
    fitted: Piad, tiny_images: Images
) -> None:
    together = fitted.score(tiny_images.pixels)
    alone = np.concatenate([fitted.score(image[None]) for image in tiny_images.pixels])
    np.testing.assert_allclose(together, alone, rtol=1e-5)
    framed = np.pad(tiny_images.pixels, ((0, 0), (4, 4), (4, 4), (0, 0)))
    np.testing.assert_array_equal(fitted.score(framed), together)


def test_no_images_have_no_scores(fitted: Piad, tiny_images: Images) -> None:
    assert fitted.score(tiny_images.pixels[:0]).shape == (0,)
    assert fitted.anomaly_maps(tiny_images.pixels[:0]).shape == (0, 16, 16)


def test_a_loaded_model_scores_as_the_saved_one_and_is_saved_as_it(
    tmp_path: Path, fitted: Piad, tiny: PiadSettings, tiny_images: Images
) -> None:
    fitted.save(tmp_path / "model.pt")
    loaded = Piad.load(tmp_path / "model.pt", tiny, Workplace())
    np.testing.assert_array_equal(loaded.score(tiny_images.pixels), fitted.score(tiny_images.pixels))
    np.testing.assert_array_equal(loaded.anomaly_maps(tiny_images.pixels), fitted.anomaly_maps(tiny_images.pixels))
    assert loaded.preparation == {"made": "in a test"}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, fitted: Piad, tiny: PiadSettings, tiny_images: Images
) -> None:
    fitted.save(tmp_path / "first.pt")
    again = build(tiny)
    for name, seed in (("other", 1), ("again", 0)):
        fit(again, tiny_images, seed)
        again.save(tmp_path / f"{name}.pt")
    first, second, other = ((tmp_path / f"{name}.pt").read_bytes() for name in ("first", "again", "other"))
    assert first == second
    assert first != other


def test_an_interrupted_fit_ends_in_the_same_bytes(
    tmp_path: Path, fitted: Piad, tiny: PiadSettings, tiny_images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SavedState, "is_due", lambda self: self.path is not None)
    step = PiadLearner.step

    def killed_in_the_last(self: PiadLearner, numbers: torch.Tensor, iteration: int) -> torch.Tensor:
        if iteration == 3:  # after the first weights, amid two reports
            raise KeyboardInterrupt
        return step(self, numbers, iteration)

    detector = build(tiny)
    with monkeypatch.context() as patch:
        patch.setattr(PiadLearner, "step", killed_in_the_last)
        with pytest.raises(KeyboardInterrupt):
            fit(detector, tiny_images, scratch=tmp_path / "scratch")
    seen = []
    monkeypatch.setattr(PiadLearner, "step", lambda self, n, i: (seen.append(i), step(self, n, i))[1])
    fit(detector, tiny_images, scratch=tmp_path / "scratch")
    assert seen == [3]
    for name, one in (("whole", fitted), ("resumed", detector)):
        one.save(tmp_path / f"{name}.pt")
    assert (tmp_path / "whole.pt").read_bytes() == (tmp_path / "resumed.pt").read_bytes()


def test_a_loss_that_is_no_number_is_one_sentence_that_names_the_learning_rate(
    tiny: PiadSettings, tiny_images: Images
) -> None:
    detector = build(tiny.model_copy(update={"learning_rate": 1e30}))
    with pytest.raises(PipelineError, match=r"^the loss is nan after .*: lower detectors\.piad\.learning_rate$"):
        fit(detector, tiny_images)


def test_images_that_do_not_fit_and_none_at_all_are_refused(tiny: PiadSettings, tiny_images: Images) -> None:
    detector, none = build(tiny), np.arange(0)
    for images, message in (
        (np.repeat(tiny_images.pixels, 3, axis=3), r"do not fit the network: it takes \(N, H, W, 1\)"),
        (tiny_images.pixels[:, :8, :8], "sides of 16 or more"),
    ):
        with pytest.raises(PipelineError, match=message):
            detector.fit(images, np.arange(8), none, seed=0)
    with pytest.raises(PipelineError, match="no image to train on"):
        detector.fit(tiny_images.pixels, none, none, seed=0)


def test_statistics_may_be_published_ones(tmp_path: Path, tiny: PiadSettings, tiny_images: Images) -> None:
    path = tmp_path / "published.pt"
    detector = build(tiny.model_copy(update={"statistics": str(path), "iterations": 1}))
    with pytest.raises(PipelineError, match=r"published\.pt is missing.*: detectors\.piad\.statistics must name"):
        fit(detector, tiny_images)
    torch.save({"expand1": (torch.zeros(96), torch.full((96,), 2.0))}, path)
    fit(detector, tiny_images)
    assert detector.statistics["expand1"].std.tolist() == [2.0] * 96
    detector.save(tmp_path / "model.pt")
    assert str(tmp_path).encode() not in (tmp_path / "model.pt").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"settings": "{"},
        {"image_channels": 3},
        {"autoencoder": {}},
        {"statistics": {}},
        {"statistics": {"expand1": {"mean": torch.zeros(5), "std": torch.ones(5)}}},
        {"preparation": [1]},
    ],
)
def test_a_model_with_a_part_that_cannot_be_its_is_one_sentence(
    tmp_path: Path, fitted: Piad, tiny: PiadSettings, change: dict[str, object]
) -> None:
    path = tmp_path / "model.pt"
    fitted.save(path)
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(PipelineError, match=r"model\.pt (is not a whole model|was trained with other)"):
        Piad.load(path, tiny, Workplace())


def test_a_model_is_refused_with_other_weights_of_its_backbone(
    tmp_path: Path, fitted: Piad, tiny: PiadSettings
) -> None:
    backbone = load_backbone("efficientnet_lite0", None)
    assert isinstance(backbone, EfficientNetLite0)
    weights = backbone.network.state_dict()
    torch.save({**weights, "_conv_stem.weight": 2 * weights["_conv_stem.weight"]}, tmp_path / "other.pth")
    fitted.save(tmp_path / "model.pt")
    other = tiny.model_copy(update={"weights": str(tmp_path / "other.pth")})
    with pytest.raises(PipelineError, match="other weights of efficientnet_lite0"):
        Piad.load(tmp_path / "model.pt", other, Workplace())
