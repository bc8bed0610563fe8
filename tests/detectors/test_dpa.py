from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from pipeline.detectors.backbones import EfficientNetLite0, load_backbone
from pipeline.detectors.dpa import DeepPerceptualAutoencoder
from pipeline.errors import PipelineError
from pipeline.images import Images
from pipeline.params import Train

CPU = torch.device("cpu")


def fitted(settings: Train, images: Images, seed: int = 0) -> DeepPerceptualAutoencoder:
    detector = DeepPerceptualAutoencoder(settings, images.pixels.shape[3], CPU)
    detector.fit(images.pixels[images.rows("train")], images.pixels[images.rows("val")], seed)
    return detector


def test_images_unlike_the_training_ones_score_higher(tiny_train: Train, tiny_images: Images) -> None:
    test = tiny_images.rows("test")
    scores = fitted(tiny_train, tiny_images).score(tiny_images.pixels[test])
    assert scores.dtype == np.float64
    assert roc_auc_score(tiny_images.index["label"].to_numpy()[test], scores) > 0.9


def test_training_lowers_the_loss_of_the_last_phase(tiny_train: Train, tiny_images: Images) -> None:
    settings = tiny_train.model_copy(
        update={"schedule": (tiny_train.schedule[1].model_copy(update={"transition": 0, "stable": 40}),)}
    )
    pixels = tiny_images.pixels
    history = DeepPerceptualAutoencoder(settings, 1, CPU).fit(pixels[:8], pixels[8:12], seed=0)
    assert history["loss"].iloc[-1] < 0.7 * history["loss"].iloc[0]
    assert history["held_out_loss"].iloc[-1] < history["held_out_loss"].iloc[0]


def test_the_history_covers_every_phase(tiny_train: Train, tiny_images: Images) -> None:
    pixels = tiny_images.pixels
    history = DeepPerceptualAutoencoder(tiny_train, 1, CPU).fit(pixels[:8], pixels[:0], seed=0)
    assert history["iteration"].tolist() == [5, 6, 10, 15, 20, 25, 30, 35, 40]
    assert history["phase"].tolist() == ["stable"] * 2 + ["transition"] + ["stable"] * 6
    assert history["resolution"].tolist() == [8, 8] + [16] * 7
    assert history["held_out_loss"].isna().all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    tmp_path: Path, tiny_train: Train, tiny_images: Images
) -> None:
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        fitted(tiny_train, tiny_images, seed).save(tmp_path / f"{name}.pt")
    first, again, other = ((tmp_path / f"{name}.pt").read_bytes() for name in ("first", "again", "other"))
    assert first == again
    assert first != other


def test_a_loaded_model_scores_as_the_saved_one(tmp_path: Path, tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    detector.save(tmp_path / "model.pt")
    loaded = DeepPerceptualAutoencoder.load(tmp_path / "model.pt")
    np.testing.assert_array_equal(loaded.score(tiny_images.pixels), detector.score(tiny_images.pixels))


def test_scoring_does_not_depend_on_the_other_images(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    together = detector.score(tiny_images.pixels)
    alone = np.concatenate([detector.score(image[None]) for image in tiny_images.pixels])
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_the_mean_of_an_anomaly_map_orders_images_as_the_score_does(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    maps = detector.anomaly_maps(tiny_images.pixels)
    assert maps.shape == (24, 16, 16)
    assert np.corrcoef(maps.mean((1, 2)), detector.score(tiny_images.pixels))[0, 1] > 0.99


def test_larger_images_are_cropped(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    framed = np.pad(tiny_images.pixels, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    np.testing.assert_array_equal(detector.score(framed), detector.score(tiny_images.pixels))


def test_a_model_file_that_is_cut_short_or_missing_is_one_sentence(
    tmp_path: Path, tiny_train: Train, tiny_images: Images
) -> None:
    path = tmp_path / "model.pt"
    fitted(tiny_train, tiny_images).save(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(PipelineError, match="is not a whole model"):
        DeepPerceptualAutoencoder.load(path)
    with pytest.raises(PipelineError, match="is missing: train the arm first"):
        DeepPerceptualAutoencoder.load(tmp_path / "none.pt")


def test_a_model_is_refused_with_other_weights_of_its_backbone_and_names_no_folder(
    tmp_path: Path, tiny_train: Train, tiny_images: Images
) -> None:
    backbone = load_backbone("efficientnet_lite0", None)
    assert isinstance(backbone, EfficientNetLite0)
    published = backbone.network.state_dict()
    for name, factor in (("same", 1.0), ("other", 2.0)):
        torch.save(
            {**published, "_conv_stem.weight": factor * published["_conv_stem.weight"]}, tmp_path / f"{name}.pth"
        )
    fitted(tiny_train.model_copy(update={"weights": str(tmp_path / "same.pth")}), tiny_images).save(
        tmp_path / "model.pt"
    )
    assert str(tmp_path).encode() not in (tmp_path / "model.pt").read_bytes()
    DeepPerceptualAutoencoder.load(tmp_path / "model.pt")
    with pytest.raises(PipelineError, match="other weights of efficientnet_lite0"):
        DeepPerceptualAutoencoder.load(tmp_path / "model.pt", str(tmp_path / "other.pth"))


def test_images_that_do_not_fit_the_network_are_refused(tiny_train: Train, tiny_images: Images) -> None:
    detector = DeepPerceptualAutoencoder(tiny_train, 1, CPU)
    for train, message in (
        (np.repeat(tiny_images.pixels, 3, axis=3), "do not fit the network"),
        (tiny_images.pixels[:, :8, :8], "sides of 16 or more"),
    ):
        with pytest.raises(PipelineError, match=message):
            detector.fit(train, train[:0], seed=0)


def test_a_diverging_loss_stops_training(tiny_train: Train, tiny_images: Images) -> None:
    settings = tiny_train.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(PipelineError, match="learning_rate"):
        fitted(settings, tiny_images)


def test_the_untrained_baseline_leaves_the_trained_network_alone(tiny_train: Train, tiny_images: Images) -> None:
    detector = fitted(tiny_train, tiny_images)
    before = detector.score(tiny_images.pixels)
    assert not np.array_equal(detector.untrained(0).score(tiny_images.pixels), before)
    np.testing.assert_array_equal(detector.score(tiny_images.pixels), before)
