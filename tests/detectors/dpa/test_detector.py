from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pipeline.data.images import Images
from pipeline.detectors.dpa.detector import DeepPerceptualAutoencoder
from pipeline.detectors.dpa.settings import DpaSettings
from pipeline.detectors.dpa.statistics import measure_statistics
from pipeline.errors import PipelineError
from pipeline.features.backbones import EfficientNetLite0, load_backbone
from tests.detectors.conftest import Build, with_loss


def test_images_unlike_the_training_ones_score_higher(
    tiny_train: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    test = tiny_images.rows("test")
    scores = fitted(tiny_train).score(tiny_images.pixels[test])
    assert scores.dtype == np.float64
    assert roc_auc_score(tiny_images.index["label"].to_numpy()[test], scores) > 0.9


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, brief: DpaSettings, fitted: Build
) -> None:
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        fitted(brief, seed=seed).save(tmp_path / f"{name}.pt")
    first, again, other = ((tmp_path / f"{name}.pt").read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other


def test_the_seed_draws_the_first_weights_and_the_order_of_images_each(
    monkeypatch: pytest.MonkeyPatch, at_16: DpaSettings, tiny_images: Images, build: Build, fitted: Build
) -> None:
    detector = build(at_16)
    first, other = (detector.untrained(seed).score(tiny_images.pixels) for seed in (0, 1))
    assert not np.array_equal(first, other)
    initialise = DeepPerceptualAutoencoder.initialise
    monkeypatch.setattr(DeepPerceptualAutoencoder, "initialise", lambda self, seed: initialise(self, 0))
    step = at_16.schedule[16].model_copy(update={"batch_size": 3})
    settings = at_16.model_copy(update={"schedule": {16: step}})
    first, other = (fitted(settings, seed=seed).score(tiny_images.pixels) for seed in (0, 1))
    assert not np.array_equal(first, other)


def test_fitting_again_starts_afresh(at_16: DpaSettings, tiny_images: Images, fitted: Build) -> None:
    detector = fitted(at_16)
    once = detector.score(tiny_images.pixels)
    detector.fit(tiny_images.pixels, tiny_images.rows("train"), tiny_images.rows("val"), seed=0)
    np.testing.assert_array_equal(detector.score(tiny_images.pixels), once)


def test_a_loaded_model_scores_as_the_saved_one(
    tmp_path: Path, brief: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    for settings in (brief, with_loss(brief, perceptual=0.0, l1=1.0)):
        detector = fitted(settings)
        detector.save(tmp_path / "model.pt")
        loaded = DeepPerceptualAutoencoder.load(tmp_path / "model.pt")
        np.testing.assert_array_equal(loaded.score(tiny_images.pixels), detector.score(tiny_images.pixels))


def test_a_model_holds_settings_statistics_and_how_images_are_prepared(
    tmp_path: Path, at_16: DpaSettings, fitted: Build
) -> None:
    fitted(at_16).save(tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    assert DpaSettings.model_validate_json(content["settings"]) == at_16
    assert content["statistics"][16]["expand1"]["mean"].shape == (96,)
    assert content["preparation"] == {"made": "in a test"}
    assert content["processes"] == 1


def test_scores_are_float32_whatever_training_computes_in(
    at_16: DpaSettings, tiny_images: Images, build: Build, tmp_path: Path
) -> None:
    from pipeline.features.backbones import Vgg

    torch.manual_seed(0)
    torch.save(Vgg("vgg16").convolutions.state_dict(), tmp_path / "vgg16.pth")
    step = at_16.schedule[16].model_copy(update={"layers": ("r12",), "stable": 2})
    settings = at_16.model_copy(
        update={"backbone": "vgg16", "weights": str(tmp_path / "vgg16.pth"), "schedule": {16: step}}
    )
    exact, short = (build(settings.model_copy(update={"precision": p})) for p in ("float32", "bfloat16"))
    np.testing.assert_array_equal(exact.score(tiny_images.pixels), short.score(tiny_images.pixels))


def test_scoring_does_not_depend_on_the_other_images(at_16: DpaSettings, tiny_images: Images, fitted: Build) -> None:
    detector = fitted(at_16)
    together = detector.score(tiny_images.pixels)
    alone = np.concatenate([detector.score(image[None]) for image in tiny_images.pixels])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_the_mean_of_an_anomaly_map_orders_images_as_the_score_does(
    at_16: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    detector = fitted(at_16)
    maps = detector.anomaly_maps(tiny_images.pixels)
    assert maps.shape == (24, 16, 16)
    assert np.corrcoef(maps.mean((1, 2)), detector.score(tiny_images.pixels))[0, 1] > 0.99


def test_reconstructions_are_what_images_are_compared_with(
    at_16: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    detector = fitted(at_16)
    made = detector.reconstructions(tiny_images.pixels).astype(float)
    differences = np.abs(made - tiny_images.pixels).mean((1, 2, 3)) / 127.5
    np.testing.assert_allclose(differences, detector.pixel_l1(tiny_images.pixels), atol=0.01)


def test_larger_images_are_cropped(at_16: DpaSettings, tiny_images: Images, fitted: Build) -> None:
    detector = fitted(at_16)
    framed = np.pad(tiny_images.pixels, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    np.testing.assert_array_equal(detector.score(framed), detector.score(tiny_images.pixels))


def test_no_images_have_no_scores(at_16: DpaSettings, tiny_images: Images, build: Build) -> None:
    assert build(at_16).score(tiny_images.pixels[:0]).shape == (0,)
    assert build(at_16).anomaly_maps(tiny_images.pixels[:0]).shape == (0, 16, 16)


def test_a_model_file_that_is_cut_short_or_missing_is_one_sentence(
    tmp_path: Path, at_16: DpaSettings, build: Build
) -> None:
    path = tmp_path / "model.pt"
    build(at_16).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(PipelineError, match="is not a whole model"):
        DeepPerceptualAutoencoder.load(path)
    with pytest.raises(PipelineError, match="is missing: train the arm first"):
        DeepPerceptualAutoencoder.load(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "change",
    [
        {"settings": "{}"},
        {"settings": 3},
        {"image_channels": "1"},
        {"image_channels": 3},
        {"network": []},
        {"network": {}},
        {"network": torch.zeros(3)},
        {"preparation": [1]},
        {"statistics": torch.zeros(3)},
        {"statistics": [1, 2]},
        {"statistics": {}},
        {"statistics": {16: {"expand1": {"mean": torch.zeros(96)}}}},
        {"statistics": {16: {"expand3": {"mean": torch.zeros(144), "std": torch.ones(144)}}}},
        {"statistics": {8: {"expand1": {"mean": torch.zeros(96), "std": torch.ones(96)}}}},
        {"statistics": {16: {"expand1": {"mean": [0.0] * 96, "std": [1.0] * 96}}}},
        {"statistics": {16: {"expand1": {"mean": torch.zeros(5), "std": torch.ones(5)}}}},
        {"statistics": {16: {"expand1": {"mean": torch.zeros(96) * torch.nan, "std": torch.ones(96)}}}},
    ],
)
def test_a_model_with_a_part_that_cannot_be_its_is_one_sentence(
    tmp_path: Path, at_16: DpaSettings, build: Build, change: dict[str, object]
) -> None:
    path = tmp_path / "model.pt"
    build(at_16).save(path)
    torch.save({**torch.load(path, weights_only=True), **change}, path)
    with pytest.raises(PipelineError, match=r"model\.pt is not a whole model of this version: train again$"):
        DeepPerceptualAutoencoder.load(path)


def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path, at_16: DpaSettings, build: Build) -> None:
    path = tmp_path / "model.pt"
    build(at_16).save(path)
    content = torch.load(path, weights_only=True)
    parts = [{k: v for k, v in content.items() if k != left_out} for left_out in content if left_out != "processes"]
    for other in (*parts, [1, 2], torch.zeros(3), {}, "model"):
        torch.save(other, path)
        with pytest.raises(PipelineError, match=r"model\.pt is not a whole model of this version: train again$"):
            DeepPerceptualAutoencoder.load(path)
    torch.save({"path": tmp_path}, path)
    with pytest.raises(PipelineError, match=r"is not a whole model, it is damaged, or holds more than .*: train again"):
        DeepPerceptualAutoencoder.load(path)


def test_a_model_is_refused_with_other_weights_of_its_backbone_and_names_no_folder(
    tmp_path: Path, at_16: DpaSettings, build: Build
) -> None:
    backbone = load_backbone("efficientnet_lite0", None)
    assert isinstance(backbone, EfficientNetLite0)
    published = backbone.network.state_dict()
    for name, factor in (("same", 1.0), ("other", 2.0)):
        torch.save(
            {**published, "_conv_stem.weight": factor * published["_conv_stem.weight"]}, tmp_path / f"{name}.pth"
        )
    build(at_16.model_copy(update={"weights": str(tmp_path / "same.pth")})).save(tmp_path / "model.pt")
    assert str(tmp_path).encode() not in (tmp_path / "model.pt").read_bytes()
    DeepPerceptualAutoencoder.load(tmp_path / "model.pt")
    with pytest.raises(PipelineError, match="other weights of efficientnet_lite0"):
        DeepPerceptualAutoencoder.load(
            tmp_path / "model.pt", at_16.model_copy(update={"weights": str(tmp_path / "other.pth")})
        )


def test_images_that_do_not_fit_the_network_are_refused(at_16: DpaSettings, tiny_images: Images, build: Build) -> None:
    detector = build(at_16)
    for images, message in (
        (np.repeat(tiny_images.pixels, 3, axis=3), "do not fit the network"),
        (tiny_images.pixels[:, :8, :8], "sides of 16 or more"),
    ):
        with pytest.raises(PipelineError, match=message):
            detector.fit(images, np.arange(8), np.arange(0), seed=0)
        with pytest.raises(PipelineError, match=message):
            detector.score(images)


def test_nothing_to_train_on_or_to_stop_early_by_is_an_error(
    at_16: DpaSettings, tiny_images: Images, build: Build
) -> None:
    none = np.arange(0)
    with pytest.raises(PipelineError, match="no image to train on"):
        build(at_16).fit(tiny_images.pixels, none, none, seed=0)
    early = DpaSettings.model_validate(
        {**at_16.model_dump(), "early_stopping": {"patience": 1, "least_improvement": 0.0}}
    )
    with pytest.raises(PipelineError, match="early_stopping needs held-out normal images"):
        build(early).fit(tiny_images.pixels, np.arange(8), none, seed=0)


def test_pixel_l1_is_the_mean_absolute_difference_of_the_same_reconstructions(
    at_16: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    detector = fitted(at_16)
    views = torch.from_numpy(tiny_images.pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        expected = (views - detector.network(views)).abs().mean((1, 2, 3))
    np.testing.assert_allclose(detector.pixel_l1(tiny_images.pixels), expected, rtol=1e-4)


def test_the_untrained_reference_leaves_the_trained_network_alone(
    at_16: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    detector = fitted(at_16)
    before = detector.score(tiny_images.pixels)
    assert not np.array_equal(detector.untrained(0).score(tiny_images.pixels), before)
    np.testing.assert_array_equal(detector.score(tiny_images.pixels), before)


def test_its_references_are_the_columns_that_stand_beside_its_score(
    at_16: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    detector = fitted(at_16)
    references = detector.references(3)
    assert list(references) == list(at_16.words.references) == ["untrained", "pixel_l1"]
    expected = {"untrained": detector.untrained(3).score, "pixel_l1": detector.pixel_l1}
    for name, scorer in references.items():
        np.testing.assert_array_equal(scorer(tiny_images.pixels), expected[name](tiny_images.pixels))


def test_what_the_loss_compares_by_is_measured_on_the_training_images_in_each_fit(
    at_16: DpaSettings, tiny_images: Images, fitted: Build
) -> None:
    detector, cpu = fitted(at_16), torch.device("cpu")
    for rows in (tiny_images.rows("train"), tiny_images.rows("train")[:3]):
        detector.fit(tiny_images.pixels, rows, tiny_images.rows("val"), 0)
        backbone = load_backbone("efficientnet_lite0", None)
        expected = measure_statistics(at_16, backbone, tiny_images.pixels, rows, cpu)[16]["expand1"]
        found = detector.statistics[16]["expand1"]
        torch.testing.assert_close((found.mean, found.std), (expected.mean, expected.std))
